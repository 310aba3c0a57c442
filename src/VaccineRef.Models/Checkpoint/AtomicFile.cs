using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// Writes beside the target and renames into place, so that a reader finds the old content or the new and never a part,
/// whatever fails. The temporary file is removed on failure.
/// </summary>
public static class AtomicFile
{
    /// <summary>Writes a file, with the folders above it.</summary>
    /// <param name="path">The file, replaced if it exists.</param>
    /// <param name="write">Writes the content. Whatever it throws, the old file stays.</param>
    /// <exception cref="InputException">The disk is full or the file cannot be written.</exception>
    public static void Write(string path, Action<Stream> write) => Guarded(path, temporary =>
    {
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary); // no file, no error: after the rename there is nothing left
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
                Directory.CreateDirectory(temporary);
                write(temporary);
                if (Directory.Exists(path))
                    Directory.Delete(path);
                Directory.Move(temporary, path);
            }
            finally
            {
                if (Directory.Exists(temporary))
                    Directory.Delete(temporary, recursive: true);
            }
        });
    }

    private static void Guarded(string path, Action<string> write)
    {
        var full = Path.GetFullPath(path);
        var folder = Path.GetDirectoryName(full) ?? full;
        try
        {
            Directory.CreateDirectory(folder);
            write(Path.Combine(folder, $".{Path.GetFileName(full)}.{Guid.NewGuid():N}.tmp"));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new InputException(
                "a file cannot be written", full, $"{error.Message} ({FreeSpace(folder)} free on that disk)",
                "room and the right to write there", "free some space or choose another place", error);
        }
    }

    private static string FreeSpace(string folder)
    {
        try
        {
            return $"{new DriveInfo(folder).AvailableFreeSpace / 1e9:0.###} GB";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return "an unknown amount";
        }
    }
}
