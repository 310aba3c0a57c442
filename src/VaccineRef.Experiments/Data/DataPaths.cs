using System.IO.Enumeration;

namespace VaccineRef.Experiments.Data;

/// <summary>Finds the files that paths, patterns and folders name.</summary>
internal static class DataPaths
{
    private static readonly string[] DataExtensions =
    [
        ".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet", ".txt",
    ];

    private const string AnyFolders = "**";

    // Links are not followed: they may lead in a circle.
    private static readonly EnumerationOptions Below = new()
    {
        RecurseSubdirectories = true,
        AttributesToSkip = FileAttributes.Hidden | FileAttributes.ReparsePoint,
        IgnoreInaccessible = false,
    };

    /// <summary>Whether a path has * or ? and is not the name of a file that is there.</summary>
    public static bool IsPattern(string path) => path.AsSpan().ContainsAny('*', '?') && !Path.Exists(path);

    /// <summary>
    /// The full paths, in the order of what names them; those of a pattern or a folder in ordinal order.
    /// </summary>
    /// <param name="folder">The folder that the paths are relative to.</param>
    /// <param name="paths">
    /// Files, folders, and patterns in which * and ? stand for characters of one name, and ** for any number of
    /// folders.
    /// </param>
    /// <exception cref="DataException">A pattern or a folder names no file, or one file is named twice.</exception>
    public static IReadOnlyList<string> Find(string folder, IEnumerable<string> paths)
    {
        string[] found = [.. paths.SelectMany(path => Readable(Path.GetFullPath(Path.Combine(folder, path))))];
        return found.CountBy(path => path).FirstOrDefault(path => path.Value > 1) is { Key: { } twice }
            ? throw new DataException("a data file is named twice", twice, expected: "every file once")
            : found;
    }

    private static string[] Readable(string path)
    {
        try
        {
            return Find(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException(
                "a folder of data cannot be read", path, found: error.Message, expected: "a folder that can be read",
                inner: error);
        }
    }

    private static string[] Find(string path)
    {
        if (Directory.Exists(path))
            return Inside(path);
        if (!IsPattern(path))
            return [path];
        if (Path.GetFileName(path) == AnyFolders)
            throw new DataException(
                "a pattern names folders, not files", path, expected: "the files' names behind **",
                remedy: $"write {path}/*.jsonl, for instance");
        string[] fitting = [.. Fitting(path).Order(StringComparer.Ordinal)];
        return fitting.Length > 0 ? fitting : throw new DataException(
            "no data file fits a pattern", path, found: "no such file",
            expected: "at least one file; * and ? stand for characters of one name, ** for any number of folders");
    }

    private static IEnumerable<string> Fitting(string pattern)
    {
        string folder = Path.GetDirectoryName(pattern)!, name = Path.GetFileName(pattern);
        IEnumerable<string> folders = IsPattern(folder)
            ? Fitting(folder).Where(Directory.Exists)
            : Directory.Exists(folder) ? [folder] : [];
        if (name == AnyFolders)
            return folders.SelectMany(each => Directory.EnumerateDirectories(each, "*", Below).Prepend(each))
                .Distinct();
        return folders.SelectMany(each => Directory.GetFileSystemEntries(each)).Where(entry =>
            FileSystemName.MatchesSimpleExpression(name, Path.GetFileName(entry), ignoreCase: false)
                && !Path.GetFileName(entry).StartsWith('.'));
    }

    /// <summary>The data files of a folder, which are all of one kind.</summary>
    private static string[] Inside(string folder)
    {
        string[] files =
        [
            .. Directory.GetFiles(folder).Where(file => DataExtensions.Contains(StoredFile.ExtensionOf(file))
                && !Path.GetFileName(file).StartsWith('.'))
                .Order(StringComparer.Ordinal),
        ];
        string[] kinds = [.. files.Select(StoredFile.ExtensionOf).Distinct()];
        return kinds.Length == 1 ? files : throw new DataException(
            kinds.Length == 0 ? "a folder holds no data files" : "a folder holds data files of several kinds", folder,
            found: kinds.Length == 0 ? $"no file that ends in {string.Join(", ", DataExtensions)}"
                : string.Join(
                    ", ", kinds
                        .Select(kind => Path.GetFileName(files.First(file => StoredFile.ExtensionOf(file) == kind)))),
            expected: "data files of one kind", remedy: "name the files, or give a pattern such as *.jsonl");
    }
}
