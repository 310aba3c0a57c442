using System.Security.Cryptography;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>
/// SHA-256 of the files of a model in a cache, in the form of sha256sum: another machine may read the model through a
/// file system that gives it something else than was written.
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

    /// <summary>
    /// Requires that the files are those that were written: that each sum is that of a file of the model, and that each
    /// file which says what the model is has one.
    /// </summary>
    /// <param name="folder">The stage's folder.</param>
    /// <param name="model">The name of the model's folder in it.</param>
    /// <exception cref="InputException">One is another one, or missing, or has no sum, or cannot be read.</exception>
    public static void Require(string folder, string model)
    {
        string[] written = Guarded(folder, () => File.ReadAllLines(Path.Combine(folder, FileName))),
            found = Of(folder, model).TrimEnd('\n').Split('\n');
        if (written.Except(found).FirstOrDefault() is { } wrong)
            throw Refused(folder, wrong, found.FirstOrDefault(line => NameIn(line) == NameIn(wrong)), wrong);
        if (found.Except(written).FirstOrDefault(IsPart) is { } added)
            throw Refused(folder, added, added, null);
    }

    // files of others may come to lie beside them, such as those of a file system
    private static bool IsPart(string line) => Path.GetExtension(line) is ".safetensors" or ".json";

    private static string NameIn(string line) => line.Split("  ", 2)[^1];

    private static InputException Refused(string folder, string line, string? found, string? expected)
    {
        static string Sum(string? line) => line is null ? "none" : line.Split("  ", 2)[0];
        return new(
            "a kept model is not the one that was written", Path.Combine(folder, NameIn(line)), $"SHA-256 {Sum(found)}",
            Sum(expected),
            $"remove the folder {folder}: the stage is computed again");
    }

    private static string Of(string folder, string model) => Guarded(folder, () => string.Concat(
        Directory.GetFiles(Path.Combine(folder, model)).Select(path => Path.GetFileName(path))
            .Order(StringComparer.Ordinal)
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
