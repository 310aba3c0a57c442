using System.Text;
using System.Text.Json;
using VaccineRef.Core;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>steps.jsonl: a line for each optimizer step, written whole or not at all.</summary>
internal sealed class StepLog : IDisposable
{
    private readonly string _path;
    private readonly Stream _file;

    /// <summary>Begins the file anew with the steps that are done already.</summary>
    /// <exception cref="InputException">It cannot be written.</exception>
    public StepLog(string path, IReadOnlyList<StepRecord> before)
    {
        _path = path;
        AtomicFile.Write(path, stream =>
        {
            foreach (var step in before)
                stream.Write(Line(step));
        });
        try
        {
            _file = FileChanges.Append(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw FileTrouble.Of("the steps of a stage cannot be written", path, error);
        }
    }

    /// <summary>Adds a line.</summary>
    /// <exception cref="InputException">The disk is full.</exception>
    public void Add(StepRecord step)
    {
        long end = _file.Position;
        try
        {
            _file.Write(Line(step));
        }
        catch (IOException error)
        {
            _file.SetLength(end);
            throw FileTrouble.Of("the steps of a stage cannot be written", _path, error);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static byte[] Line(StepRecord step) =>
        Encoding.UTF8.GetBytes(JsonSerializer.Serialize(step, StepJson.Default.StepRecord) + "\n");
}
