using VaccineRef.Core;

namespace VaccineRef.Reporting.TensorBoard;

/// <summary>
/// An event file that grows while its run goes on: what is added is on the disk at once and whole, so that TensorBoard
/// follows the run, and a run that is interrupted keeps what was written.
/// </summary>
public sealed class EventLog : IDisposable
{
    private readonly string _path;
    private readonly TimeProvider _clock;
    private readonly FileStream _file;

    /// <summary>Begins the file anew.</summary>
    /// <param name="path">The file; its folder is made when needed.</param>
    /// <param name="clock">Every event bears the time of writing.</param>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public EventLog(string path, TimeProvider clock)
    {
        (_path, _clock) = (path, clock);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            _file = new(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(error);
        }

        Write(EventFile.Head(EventFile.Now(clock)));
    }

    /// <summary>Adds numbers: all of them, or none where the disk is full.</summary>
    /// <exception cref="InputException">The disk is full.</exception>
    public void Add(IEnumerable<Scalar> scalars)
    {
        double now = EventFile.Now(_clock);
        Write([.. scalars.SelectMany(scalar => EventFile.Event(scalar, now))]);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private void Write(byte[] bytes)
    {
        long end = _file.Position;
        try
        {
            _file.Write(bytes);
        }
        catch (IOException error)
        {
            _file.SetLength(end);
            throw Unwritable(error);
        }
    }

    private InputException Unwritable(Exception error) => new(
        "the curves of a run cannot be written", _path, error.Message, "room and the right to write there",
        "free some space, choose another --out, or leave out --tensorboard", error);
}
