using System.Text;
using System.Text.Json;
using VaccineRef.Core;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>steps.jsonl: a line for each optimizer step, written whole or not at all.</summary>
internal sealed class StepLog : IDisposable
{
    private readonly string _path;
    private readonly FileStream _file;

    /// <summary>Begins the file anew.</summary>
    /// <exception cref="InputException">It cannot be written.</exception>
    public StepLog(string path)
    {
        _path = path;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            _file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(error);
        }
    }

    /// <summary>Adds a line.</summary>
    /// <exception cref="InputException">The disk is full.</exception>
    public void Add(StepRecord step)
    {
        long end = _file.Position;
        try
        {
            _file.Write(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(step, StepJson.Default.StepRecord) + "\n"));
        }
        catch (IOException error)
        {
            _file.SetLength(end);
            throw Unwritable(error);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private InputException Unwritable(Exception error) => new(
        "the steps of a stage cannot be written", _path, error.Message, "room and the right to write there",
        "free some space, or choose another --out", error);
}
