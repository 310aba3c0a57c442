using System.Text.RegularExpressions;

namespace VaccineRef.Models;

/// <summary>How PEFT names a model's tensors in an adapter's file.</summary>
internal static partial class AdapterNames
{
    /// <summary>What stands in front of the model's own names.</summary>
    public const string Root = "base_model.model";

    /// <summary>The model's name for a tensor: peft puts its own in front and, by version, wrappers between.</summary>
    public static string Plain(string name)
    {
        string plain = name.StartsWith($"{Root}.", StringComparison.Ordinal) ? name[(Root.Length + 1)..] : name;
        return Wrappers().Replace(plain, ".");
    }

    [GeneratedRegex(@"\.(base_layer|modules_to_save(\.default)?)\.", RegexOptions.CultureInvariant)]
    private static partial Regex Wrappers();
}
