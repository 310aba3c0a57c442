using System.Text;
using VaccineRef.Core;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Runs;

/// <summary>The folder a run writes: recipe, manifest, steps as they happen, adapters, report.</summary>
public sealed class RunFolder : IDisposable
{
    /// <summary>Names inside the folder.</summary>
    public const string Recipe = "recipe.json", Manifest = "manifest.json", Report = "report.json", Table = "report.md",
        Steps = "steps.jsonl";

    private readonly FileStream _steps;

    /// <summary>Begins a run in a folder that is new or empty.</summary>
    /// <exception cref="InputException">The folder holds something already, or cannot be written: nothing is ever overwritten.</exception>
    public RunFolder(string path)
    {
        Path = path;
        if (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any())
            throw new InputException(
                "the run's folder is not empty", path, expected: "a new or empty folder",
                remedy: "another --output, or move the old run away");
        try
        {
            Directory.CreateDirectory(path);
            _steps = new FileStream(In(Steps), FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(error);
        }
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>Lines in steps.jsonl so far.</summary>
    public int Lines { get; private set; }

    /// <summary>A path inside it.</summary>
    public string In(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Adds a line to steps.jsonl, whole or not at all.</summary>
    /// <exception cref="InputException">The disk is full.</exception>
    public void Add(string stage, StepRecord step)
    {
        long end = _steps.Position;
        try
        {
            _steps.Write(Encoding.UTF8.GetBytes(RunReport.Line(new(stage, step)) + "\n"));
            Lines++;
        }
        catch (IOException error)
        {
            _steps.SetLength(end);
            throw Unwritable(error);
        }
    }

    /// <summary>Writes a whole file, beside and renamed.</summary>
    /// <exception cref="InputException">The disk is full or the file cannot be written.</exception>
    public void Write(string name, string text) => AtomicFile.WriteText(In(name), text);

    /// <summary>Takes back a run that did nothing. The folder was new or empty when it began, so all that it holds is the run's.</summary>
    public void Remove()
    {
        Dispose();
        Directory.Delete(Path, recursive: true);
    }

    /// <inheritdoc/>
    public void Dispose() => _steps.Dispose();

    private InputException Unwritable(Exception error) => new(
        "the run's folder cannot be written", Path, error.Message, "room and the right to write there",
        "free some space, or choose another --output", error);
}
