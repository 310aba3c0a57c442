namespace VaccineRef.Core.Tests;

/// <summary>What the system says becomes what, where, found, expected and remedy.</summary>
public sealed class TroubleTests
{
    [Theory]
    [InlineData(28, "no room is left", "free some space")]
    [InlineData(122, "no room is left", "free some space")]
    [InlineData(24, "too many open files", "ulimit -n")]
    [InlineData(30, "mounted read-only", "another place")]
    [InlineData(1, "no right to write", "chmod")]
    [InlineData(13, "no right to write", "chmod")]
    [InlineData(5, "what the disk said", "free some space or choose another place")]
    public void An_error_of_a_file_names_its_kind_and_what_helps(int number, string found, string remedy)
    {
        string path = Path.Combine(Path.GetTempPath(), "nowhere", "file");
        var error = FileTrouble.Of("a file cannot be written", path, new IOException("what the disk said", number));
        Assert.Equal(("a file cannot be written", path), (error.What, error.Where));
        Assert.Contains(found, error.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, error.Message, StringComparison.Ordinal);
        Assert.Contains("what the disk said", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_the_right_to_write_and_a_folder_in_the_place_of_a_file_are_told_apart()
    {
        string path = Path.Combine(Path.GetTempPath(), "nowhere", "file");
        Assert.Contains(
            "no right to write", FileTrouble.Of("x", path, new UnauthorizedAccessException("denied")).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "a folder of that name",
            FileTrouble.Of("x", Path.GetTempPath(), new UnauthorizedAccessException("denied")).Message,
            StringComparison.Ordinal);
    }

    [Property]
    public void Memory_that_is_missing_is_named_with_what_was_asked_for(NonNegativeInt mebibytes)
    {
        var cause = new InsufficientMemoryException();
        var error = MemoryTrouble.Of("cpu", (long)mebibytes.Get << 20, cause);
        Assert.Same(cause, error.InnerException);
        foreach (string part in (string[])[$"{mebibytes.Get} MiB asked for", "MiB that are in use", "MiB in all",
            "vaccine plan", "recompute"])
            Assert.Contains(part, error.Message, StringComparison.Ordinal);
        Assert.Contains("MiB in all", MemoryTrouble.Of(cause).Message, StringComparison.Ordinal);
    }
}
