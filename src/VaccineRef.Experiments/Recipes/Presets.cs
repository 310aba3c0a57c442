using System.Collections.Immutable;
using System.Reflection;
using VaccineRef.Core;

namespace VaccineRef.Experiments.Recipes;

/// <summary>The recipe files that the program carries. They are read as any other recipe is.</summary>
public static class Presets
{
    private const string Prefix = "VaccineRef.Presets.", Suffix = ".json";

    /// <summary>Their names, in alphabetical order.</summary>
    public static ImmutableArray<string> Names { get; } =
    [
        .. Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .Select(name => name[Prefix.Length..^Suffix.Length])
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>The text of a preset's file.</summary>
    /// <exception cref="InputException">There is none of that name.</exception>
    public static string Text(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Prefix + name + Suffix)
            ?? throw RecipeException.Unknown("there is no such preset", "--preset", name, Names);
        using var reader = new StreamReader(stream);
        // in the tree the schema lies one folder above; what is printed or saved has it beside
        return reader.ReadToEnd().Replace(
            $"\"../{RecipeSchema.FileName}\"", $"\"{RecipeSchema.FileName}\"", StringComparison.Ordinal);
    }
}
