using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// The data files of a recipe. Each file is read and hashed only once, no matter how many trials use it. Several
/// threads may use this class at the same time.
/// </summary>
/// <param name="folder">The folder that paths are relative to.</param>
public sealed class DataFiles(string folder)
{
    private readonly ConcurrentDictionary<string, Lazy<DataSet>> _read = [];
    private readonly ConcurrentDictionary<string, Lazy<string>> _hashes = [];

    /// <summary>The folder that paths are relative to.</summary>
    public string Folder => folder;

    /// <summary>Reads the rows of a file.</summary>
    /// <exception cref="DataException">The file cannot be read, or a row does not fit the task.</exception>
    public DataSet Read(FileDataOptions options)
    {
        string path = Full(options.Path);
        // Validate made sure that one of the two is given.
        var preset = options.Fields is { } fields ? TaskPreset.From(fields) : TaskPreset.Get(options.Task!);
        string key = $"{path}|{preset.Id}|{options.Fields}|{options.Format}";
        return _read.GetOrAdd(key, _ => new(() => DataSet.Read(path, preset, options.Format))).Value;
    }

    /// <summary>
    /// The SHA-256 hash of a file, in lower-case hexadecimal. For a folder it covers the names and contents of all its
    /// files.
    /// </summary>
    /// <exception cref="Core.InputException">The path leads to no file that can be read.</exception>
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
