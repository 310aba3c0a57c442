namespace VaccineRef.Alignment.Tests.Data;

/// <summary>
/// The real data sets, which are never copied here; tests that need them are skipped where they are absent.
/// </summary>
internal static class SharedData
{
    public static string Path(string file)
    {
        string? shared = Environment.GetEnvironmentVariable("VACCINEREF_SHARED");
        Assert.SkipWhen(shared is null, "VACCINEREF_SHARED is unset: the folder of real data is unknown");
        string path = System.IO.Path.Combine(shared!, "data", file);
        Assert.SkipUnless(File.Exists(path), $"VACCINEREF_SHARED has no data/{file}");
        return path;
    }
}
