using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Alignment.Runs;

/// <summary>The folder a run writes: recipe, manifest, steps as they happen, adapters, report.</summary>
public sealed class RunFolder : IDisposable
{
    /// <summary>Names inside the folder.</summary>
    public const string Recipe = "recipe.json", Manifest = "manifest.json", Report = "report.json", Table = "report.md",
        Steps = "steps.jsonl";

    private readonly StreamWriter _steps;

    /// <summary>Begins a run in a folder that is new or empty.</summary>
    /// <exception cref="InputException">The folder holds something already: nothing is ever overwritten.</exception>
    public RunFolder(string path)
    {
        Path = path;
        if (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any())
            throw new InputException(
                "the run's folder is not empty", path, expected: "a new or empty folder",
                remedy: "another --output, or move the old run away");
        Directory.CreateDirectory(path);
        _steps = new StreamWriter(In(Steps), append: false) { AutoFlush = true, NewLine = "\n" };
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>A path inside it.</summary>
    public string In(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Adds a line to steps.jsonl.</summary>
    public void Add(string stage, StepRecord step) => _steps.WriteLine(RunReport.Line(new(stage, step)));

    /// <summary>Writes a whole file, beside and renamed.</summary>
    public void Write(string name, string text) => AtomicFile.WriteText(In(name), text);

    /// <inheritdoc/>
    public void Dispose() => _steps.Dispose();
}
