using System.Security.Cryptography;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>
/// SHA-256 of the files of a model in a cache, in the form of sha256sum: another machine may read the model through a file system that
/// gives it something else than was written.
/// </summary>
internal static class KeptSums
{
    /// <summary>The name of the file in a stage's folder.</summary>
    public const string FileName = "weights.sha256";

    /// <summary>Whether a stage's folder has sums.</summary>
    public static bool Are(string folder) => File.Exists(Path.Combine(folder, FileName));

    /// <summary>Writes the sums of what lies in a model's folder.</summary>
    /// <param name="folder">The stage's folder.</param>
    /// <param name="model">The name of the model's folder in it.</param>
    /// <exception cref="InputException">A file cannot be read, or the sums cannot be written.</exception>
    public static void Write(string folder, string model) =>
        AtomicFile.WriteText(Path.Combine(folder, FileName), Of(folder, model));

    /// <summary>Requires that the files are those that were written.</summary>
    /// <param name="folder">The stage's folder.</param>
    /// <exception cref="InputException">One is another one, or missing, or cannot be read.</exception>
    public static void Require(string folder)
    {
        string[] lines = Guarded(folder, () => File.ReadAllLines(Path.Combine(folder, FileName)));
        foreach (string line in lines)
        {
            string[] parts = line.Split("  ", 2);
            string path = Path.Combine(folder, parts[^1]), found = Guarded(folder, () => Sum(path));
            if (found != parts[0])
                throw new InputException(
                    "a kept model is not the one that was written", path, $"SHA-256 {found}", parts[0],
                    $"remove the folder {folder}: the stage is computed again");
        }
    }

    private static string Of(string folder, string model) => Guarded(folder, () => string.Concat(
        Directory.GetFiles(Path.Combine(folder, model)).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)
            .Select(name => $"{Sum(Path.Combine(folder, model, name))}  {model}/{name}\n")));

    private static string Sum(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }

    private static T Guarded<T>(string folder, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new InputException(
                "a kept model cannot be read", folder, error.Message, $"the files that {FileName} names",
                $"remove the folder {folder}: the stage is computed again", error);
        }
    }
}
