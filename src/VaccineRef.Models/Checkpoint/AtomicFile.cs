using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// Writes beside the target and renames into place, so that a reader finds the old content or the new and never a part,
/// whatever fails. The temporary file is removed on failure.
/// </summary>
public static partial class AtomicFile
{
    /// <summary>Writes a file, with the folders above it.</summary>
    /// <param name="path">The file, replaced if it exists.</param>
    /// <param name="write">Writes the content. Whatever it throws, the old file stays.</param>
    /// <exception cref="InputException">The disk is full or the file cannot be written.</exception>
    public static void Write(string path, Action<Stream> write) => Guarded(path, temporary =>
    {
        try
        {
            FileChanges.Write(temporary, write);
            FileChanges.Move(temporary, path);
        }
        finally
        {
            FileChanges.Delete(temporary); // no file, no error: after the rename there is nothing left
        }
    });

    /// <summary>Writes UTF-8 text without a byte order mark.</summary>
    /// <exception cref="InputException">The disk is full or the file cannot be written.</exception>
    public static void WriteText(string path, string text) =>
        Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>Writes indented JSON.</summary>
    /// <exception cref="InputException">The disk is full or the file cannot be written.</exception>
    public static void WriteJson(string path, JsonNode json) => Write(path, stream =>
    {
        using var writer = new Utf8JsonWriter(
            stream, new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteTo(writer);
    });

    /// <summary>Writes a whole folder: all of its files appear together or none does.</summary>
    /// <param name="path">A folder that is empty or does not exist yet; others are refused, nothing is deleted.</param>
    /// <param name="write">Receives the path of the temporary folder to fill.</param>
    /// <exception cref="InputException">The folder holds something, or the disk is full.</exception>
    public static void WriteFolder(string path, Action<string> write)
    {
        path = Path.TrimEndingDirectorySeparator(path);
        if (File.Exists(path) || (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any()))
        {
            throw new InputException(
                "the output folder is not empty", path, remedy: "choose a new folder, or empty this one");
        }

        Guarded(path, temporary =>
        {
            try
            {
                FileChanges.MakeFolder(temporary);
                write(temporary);
                FileChanges.DeleteEmptyFolder(path);
                FileChanges.MoveFolder(temporary, path);
            }
            finally
            {
                FileChanges.DeleteFolder(temporary);
            }
        });
    }

    private static void Guarded(string path, Action<string> write)
    {
        var full = Path.GetFullPath(path);
        var folder = Path.GetDirectoryName(full) ?? full;
        try
        {
            FileChanges.MakeFolder(folder);
            write(Path.Combine(folder, $".{Path.GetFileName(full)}.{Guid.NewGuid():N}.tmp"));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw FileTrouble.Of("a file cannot be written", full, error);
        }
    }

    /// <summary>
    /// Removes temporary files and folders that a process left beside a target when it was killed while writing.
    /// Nothing else has such a name: a point, the target's name, 32 hexadecimal digits and .tmp.
    /// </summary>
    /// <param name="folder">The folder of the targets.</param>
    /// <param name="isTarget">Whether a name is that of a target.</param>
    /// <param name="isDead">Whether nobody is writing to a path any more; null where nobody else can.</param>
    public static void RemoveLeftovers(string folder, Func<string, bool> isTarget, Func<string, bool>? isDead = null)
    {
        if (!Directory.Exists(folder))
            return;
        foreach (string path in Directory.GetFileSystemEntries(folder, ".*.tmp"))
        {
            if (Leftover().Match(Path.GetFileName(path)) is not { Success: true } match
                || !isTarget(match.Groups[1].Value)
                || isDead?.Invoke(path) == false)
                continue;
            FileChanges.Delete(path);
            FileChanges.DeleteFolder(path);
        }
    }

    [GeneratedRegex(@"^\.(.+)\.[0-9a-f]{32}\.tmp$", RegexOptions.CultureInvariant)]
    private static partial Regex Leftover();
}
