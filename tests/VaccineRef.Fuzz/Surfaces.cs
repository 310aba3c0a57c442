namespace VaccineRef.Fuzz;

/// <summary>Every place where files of strangers come in.</summary>
public static class Surfaces
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<Surface> All { get; } =
        [.. ModelSurfaces.All, .. TokenizerSurfaces.All, .. DataSurfaces.All, .. RunSurfaces.All, .. KeptSurfaces.All,
            .. VerificationSurfaces.All];
}
