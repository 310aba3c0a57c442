using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// The data files of a recipe. Each file is read and hashed only once, no matter how many trials use it. Several
/// threads may use this class at the same time.
/// </summary>
/// <param name="folder">The folder that paths are relative to.</param>
/// <param name="cancel">
/// Stops reading, hashing and encoding: it is looked at for every row and every piece of a file.
/// </param>
public sealed class DataFiles(string folder, CancellationToken cancel = default)
{
    private readonly ConcurrentDictionary<string, Lazy<DataSet>> _read = [];
    private readonly ConcurrentDictionary<string, Lazy<string>> _hashes = [];

    /// <summary>The folder that paths are relative to.</summary>
    public string Folder => folder;

    /// <summary>Stops what goes over the rows.</summary>
    internal CancellationToken Cancel => cancel;

    /// <summary>Reads the rows of a file.</summary>
    /// <exception cref="DataException">The file cannot be read, or a row does not fit the task.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public DataSet Read(FileDataOptions options)
    {
        var paths = Find(folder, options);
        var preset = options.Preset;
        var rows = options.Range;
        string key = $"{string.Join('|', paths)}|{preset.Id}|{options.Fields}|{options.Format}|{rows}|{string.Join(',', options.Rename ?? new Dictionary<string, string>())}";
        return _read.GetOrAdd(
            key, _ => new(
                () => Together(paths.Select(path => DataSet.Read(path, preset, options.Format, rows, cancel))))).Value;
    }

    /// <summary>The files that the options name.</summary>
    /// <exception cref="DataException">There are none, or several of which rows are to be chosen by number.</exception>
    internal static IReadOnlyList<string> Find(string folder, FileDataOptions options)
    {
        var paths = DataPaths.Find(folder, [options.Path, .. options.More]);
        return options.Range is { } rows && paths.Count > 1
            ? throw new DataException(
                "rows are chosen by number from several files", options.Path,
                found: $"rows {rows} of {paths.Count} files", expected: "one file",
                remedy: "name one file, or leave out rows")
            : paths;
    }

    private static DataSet Together(IEnumerable<DataSet> files)
    {
        DataSet[] all = [.. files];
        return all is [var only]
            ? only
            : new([.. all.SelectMany(file => file.Sources)], [.. all.SelectMany(file => file.Examples)]);
    }

    /// <summary>
    /// The SHA-256 hash of a file, in lower-case hexadecimal. For a folder it covers the names and contents of all its
    /// files, and for a pattern the contents of all files that it fits, in their order.
    /// </summary>
    /// <exception cref="Core.InputException">The path leads to no file that can be read.</exception>
    public string Hash(string path) => _hashes.GetOrAdd(Full(path), full => new(() => HashOf(full))).Value;

    private string Full(string path) => Path.GetFullPath(Path.Combine(folder, path));

    private string HashOf(string path)
    {
        if (DataPaths.IsPattern(path))
            return Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(string.Join('\n', DataPaths.Find("", [path]).Select(OfFile)))));
        if (!Directory.Exists(path))
            return OfFile(path);
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string file in Directory.GetFiles(path).Order(StringComparer.Ordinal))
            sum.AppendData(System.Text.Encoding.UTF8.GetBytes($"{Path.GetFileName(file)} {OfFile(file)}\n"));
        return Convert.ToHexStringLower(sum.GetHashAndReset());
    }

    private string OfFile(string path)
    {
        try
        {
            using var file = new PeekStream(File.OpenRead(path), cancel);
            return Convert.ToHexStringLower(SHA256.HashData(file));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new Core.InputException(
                "a file cannot be read", path, error.Message, "a file or a folder that can be read", inner: error);
        }
    }
}
