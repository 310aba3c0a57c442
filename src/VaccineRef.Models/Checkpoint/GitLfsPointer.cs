namespace VaccineRef.Models;

/// <summary>
/// What stands in a clone that was made without Git LFS where a large file belongs: three lines of text that name the
/// file's hash and size. Source: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md.
/// </summary>
public static class GitLfsPointer
{
    /// <summary>What is wrong, for messages.</summary>
    public const string What = "this is a Git LFS pointer and not the file itself";

    /// <summary>What to do about it, for messages.</summary>
    public const string Remedy =
        "run \"git lfs install\" and \"git lfs pull\" in that folder, or download the file itself";

    /// <summary>A pointer has fewer bytes.</summary>
    public const int Longest = 1024;

    private static ReadOnlySpan<byte> Begin => "version https://git-lfs.github.com/spec/"u8;

    private static ReadOnlySpan<byte> OldBegin => "version https://hawser.github.com/spec/"u8;

    /// <summary>Whether these are the first bytes, or all bytes, of a pointer.</summary>
    public static bool Is(ReadOnlySpan<byte> bytes, long length) =>
        length < Longest && (bytes.StartsWith(Begin) || bytes.StartsWith(OldBegin));

    /// <summary>Whether the file is there and is a pointer.</summary>
    public static bool Is(string path)
    {
        var file = new FileInfo(path);
        return file is { Exists: true, Length: < Longest } && Is(System.IO.File.ReadAllBytes(path), file.Length);
    }

    /// <summary>The lines of a pointer in one, as messages show them.</summary>
    public static string Found(ReadOnlySpan<byte> bytes) =>
        System.Text.Encoding.UTF8.GetString(bytes).ReplaceLineEndings(" ").Trim();

    /// <summary>The complaint about a file that should hold <paramref name="expected"/>.</summary>
    internal static CheckpointException Refuse(string path, string expected) =>
        new(What, path, null, Found(System.IO.File.ReadAllBytes(path)), expected, Remedy);
}
