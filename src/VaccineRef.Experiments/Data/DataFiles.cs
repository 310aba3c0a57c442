using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// The files of a recipe: each is read once and hashed once, however many trials use it. Safe to use from several threads.
/// </summary>
/// <param name="folder">The folder that paths are relative to.</param>
public sealed class DataFiles(string folder)
{
    private readonly ConcurrentDictionary<string, Lazy<DataSet>> _read = [];
    private readonly ConcurrentDictionary<string, Lazy<string>> _hashes = [];

    /// <summary>The folder that paths are relative to.</summary>
    public string Folder => folder;

    /// <summary>The rows of a file.</summary>
    /// <exception cref="DataException">The file cannot be read, or a row is not what its task expects.</exception>
    public DataSet Read(FileDataOptions options)
    {
        string path = Full(options.Path);
        var preset = options.Fields is { } fields ? TaskPreset.From(fields) : TaskPreset.Get(options.Task!);    // one of the two was checked
        string key = $"{path}|{preset.Id}|{options.Fields}|{options.Format}";
        return _read.GetOrAdd(key, _ => new(() => DataSet.Read(path, preset, options.Format))).Value;
    }

    /// <summary>SHA-256 of a file, or of the names and contents of all files of a folder, in lower-case hexadecimal.</summary>
    /// <exception cref="Core.InputException">There is nothing there.</exception>
    public string Hash(string path) => _hashes.GetOrAdd(Full(path), full => new(() => HashOf(full))).Value;

    private string Full(string path) => Path.GetFullPath(Path.Combine(folder, path));

    private static string HashOf(string path)
    {
        if (!Directory.Exists(path))
            return OfFile(path);
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string file in Directory.GetFiles(path).Order(StringComparer.Ordinal))
            sum.AppendData(System.Text.Encoding.UTF8.GetBytes($"{Path.GetFileName(file)} {OfFile(file)}\n"));
        return Convert.ToHexStringLower(sum.GetHashAndReset());
    }

    private static string OfFile(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(file));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new Core.InputException("a file cannot be read", path, error.Message, "a file or a folder that can be read", inner: error);
        }
    }
}
