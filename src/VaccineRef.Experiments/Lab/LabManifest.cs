namespace VaccineRef.Experiments.Lab;

/// <summary>Says what text a seed's stages saw, so that two reports can be held against each other.</summary>
public static class LabManifest
{
    /// <summary>The data of every seed.</summary>
    public static IReadOnlyList<LabData> Of(LabSettings settings, IEnumerable<ulong> seeds) =>
        [.. seeds.SelectMany(settings.Subject.Manifest)];
}
