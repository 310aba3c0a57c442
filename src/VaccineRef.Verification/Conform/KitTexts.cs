using System.Text;

namespace VaccineRef.Verification.Conform;

/// <summary>
/// The texts of a kit, which are resources of this assembly: a README, the schemas, the recorder, the example port.
/// </summary>
internal static class KitTexts
{
    private const string Prefix = "kit/";

    /// <summary>Each text by its path in the kit.</summary>
    public static IEnumerable<(string Path, string Text)> All()
    {
        var assembly = typeof(KitTexts).Assembly;
        foreach (string name in assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!, Encoding.UTF8);
            yield return (name[Prefix.Length..], reader.ReadToEnd());
        }
    }
}
