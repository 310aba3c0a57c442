namespace VaccineRef.Models.Tests;

/// <summary>The small inputs that went wrong once; they lie outside the repository.</summary>
internal static class SharedCases
{
    /// <summary>The folder of a case; the test is skipped where the inputs are not here.</summary>
    public static string Folder(string name)
    {
        string? root = Environment.GetEnvironmentVariable("VACCINEREF_SHARED");
        Assert.SkipUnless(root is not null, "VACCINEREF_SHARED does not name the folder of reference inputs");
        string folder = Path.Combine(root!, "cases", name);
        Assert.SkipUnless(Directory.Exists(folder), $"the reference inputs have no folder cases/{name}");
        return folder;
    }
}
