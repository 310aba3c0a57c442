using System.Diagnostics.CodeAnalysis;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// A model file, adapter file or configuration is missing, broken, or asks for what this program does not do.
/// </summary>
public sealed class CheckpointException : InputException
{
    // A broken header may hold names of any length and any character; a message stays readable.
    private const int Longest = 800;

    /// <summary>Composes the message from its parts.</summary>
    /// <param name="what">What is wrong, as one sentence without a full stop.</param>
    /// <param name="file">The file at fault.</param>
    /// <param name="key">The tensor or setting at fault.</param>
    /// <param name="found">What stands there.</param>
    /// <param name="expected">What should stand there.</param>
    /// <param name="remedy">What the user can do about it.</param>
    /// <param name="inner">The exception that told us, if any.</param>
    public CheckpointException(
        string what, string file, string? key = null, string? found = null, string? expected = null,
        string? remedy = null, Exception? inner = null)
        : base(Short(what), key is null ? file : $"{file}, key {Short(key)}", Short(found), expected, remedy, inner)
    {
        File = file;
        Key = key;
    }

    /// <summary>The file at fault.</summary>
    public string File { get; }

    /// <summary>The tensor or setting at fault, if one is known.</summary>
    public string? Key { get; }

    /// <summary>At most eight names and how many more there are.</summary>
    internal static string Names(IReadOnlyCollection<string> names)
    {
        const int Shown = 8;
        if (names.Count == 0)
            return "none";
        var shown = string.Join(", ", names.Take(Shown).Select(name => name.Length > 60 ? name[..60] + "..." : name));
        return names.Count > Shown ? $"{shown} and {names.Count - Shown} more" : shown;
    }

    [return: NotNullIfNotNull(nameof(text))]
    private static string? Short(string? text)
    {
        if (text is null)
            return null;
        var clean = new string([.. text.Take(Longest).Select(c => char.IsControl(c) ? '?' : c)]);
        return clean.Length < text.Length ? clean + "..." : clean;
    }
}
