using System.Text.Json;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>
/// What a cache keeps of a stage that diverged. The same settings give the same bits, so it is not computed again, and
/// a report that another process writes has it.
/// </summary>
/// <param name="Schema">Which form this record has.</param>
/// <param name="Hash">The stage's hash.</param>
/// <param name="Message">Why the stage failed.</param>
/// <param name="SoFar">What was measured before; null if nothing was.</param>
internal sealed record DivergedStage(string Schema, string Hash, string Message, StageResult? SoFar)
{
    /// <summary>The name of the file in a stage's folder.</summary>
    public const string FileName = "diverged.json";

    private const string CurrentSchema = "vaccine-diverged/1";

    /// <summary>Writes the note into a stage's folder, if the stage diverged.</summary>
    /// <returns>The failure; that of the writing, if the note cannot be written.</returns>
    public static FailedStage Keep(string folder, FailedStage failure)
    {
        if (failure.Error is not NonFiniteException)
            return failure;
        try
        {
            var note = new DivergedStage(CurrentSchema, failure.Stage.Hash, failure.Error.Message, failure.SoFar);
            AtomicFile.WriteText(
                Path.Combine(folder, FileName), JsonSerializer.Serialize(note, StageJson.Default.DivergedStage) + "\n");
            return failure;
        }
        catch (InputException error)
        {
            return failure with { Error = error };
        }
    }

    /// <summary>Reads the note from a stage's folder; null where there is none.</summary>
    /// <exception cref="InputException">It is no such note, or that of another stage.</exception>
    public static FailedStage? Read(string folder, StageNode node)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            return null;
        try
        {
            var note = CompleteJson.Read(File.ReadAllText(path), StageJson.Default.DivergedStage);
            return note is { Schema: CurrentSchema } && note.Hash == node.Hash
                ? new(node, new DivergedException(note.Message), note.SoFar)
                : throw new JsonException($"{note.Schema} {note.Hash}");
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new InputException(
                "the note that a stage diverged cannot be read", path, error.Message, $"{CurrentSchema} {node.Hash}",
                "remove the file: the stage is computed again", error);
        }
    }
}

/// <summary>A stage diverged when it was computed into the cache, here or elsewhere.</summary>
/// <param name="message">What was said then.</param>
public sealed class DivergedException(string message) : Exception(message);
