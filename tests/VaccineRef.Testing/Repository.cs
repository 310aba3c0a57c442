namespace VaccineRef.Testing;

/// <summary>Where the project's own files are.</summary>
public static class Repository
{
    /// <summary>The folder that holds VaccineRef.sln.</summary>
    public static string Root { get; } = Above(AppContext.BaseDirectory);

    private static string Above(string folder)
    {
        while (!File.Exists(Path.Combine(folder, "VaccineRef.sln")))
            folder = Path.GetDirectoryName(folder)
                ?? throw new DirectoryNotFoundException("no folder above has VaccineRef.sln");
        return folder;
    }
}
