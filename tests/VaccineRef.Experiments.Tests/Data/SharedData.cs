namespace VaccineRef.Experiments.Tests.Data;

/// <summary>
/// The real data and tokenizers, which are never copied into the repository. Tests that need them are skipped if they
/// are not available.
/// </summary>
internal static class SharedData
{
    public static string Path(string file) => In("data", file);

    public static string Tokenizer(string family) =>
        System.IO.Path.GetDirectoryName(In("tokenizers", $"{family}/tokenizer.json"))!;

    private static string In(string folder, string file)
    {
        string? shared = Environment.GetEnvironmentVariable("VACCINEREF_SHARED");
        Assert.SkipWhen(shared is null, "VACCINEREF_SHARED is unset: the folder of real data is unknown");
        string path = System.IO.Path.Combine(shared!, folder, file);
        Assert.SkipUnless(File.Exists(path), $"VACCINEREF_SHARED has no {folder}/{file}");
        return path;
    }
}
