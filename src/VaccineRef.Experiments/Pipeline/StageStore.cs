using System.Numerics;
using System.Text.Json;
using VaccineRef.Core;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>
/// Keeps finished stages: a folder for each, with its result, and the model or the adapter that it ended with.
/// Everything is written beside and renamed into place when it is complete, so that a grid that was stopped goes on
/// where it was.
/// </summary>
public sealed class StageStore
{
    private const string Schema = "vaccine-store/1", SchemaFile = "store.json", Result = "result.json", Model = "model",
        Adapter = "adapter",
        Steps = "steps.jsonl", Answers = "answers.jsonl", Begun = "begun.txt";

    // The names under which earlier versions kept their cells.
    private static readonly string[] Former = ["cells", "models"];

    private readonly string _folder;
    private readonly bool _byName;
    private readonly TimeProvider? _clock;
    private readonly bool _writes;

    private StageStore(string folder, bool byName, TimeProvider? clock = null, bool writes = true) =>
        (_folder, _byName, _clock, _writes) = (folder, byName, clock, writes);

    /// <summary>
    /// Whether every stage's model is kept, and its steps; otherwise only models that other stages begin with or that
    /// the recipe asks for.
    /// </summary>
    public bool KeepsEverything => _byName;

    /// <summary>A cache for many grids: stages lie under their hashes.</summary>
    /// <param name="folder">Where; made when it is needed.</param>
    /// <param name="clock">
    /// Tells how old the temporary files of killed processes are; they stay where it is null.
    /// </param>
    /// <exception cref="InputException">
    /// An earlier version of the program wrote the folder, or something else did.
    /// </exception>
    public static StageStore Cache(string folder, TimeProvider? clock = null)
    {
        string mark = Path.Combine(folder, SchemaFile);
        if (File.Exists(mark))
        {
            string found = File.ReadAllText(mark).Trim();
            if (found != Mark)
                throw new InputException(
                    "the cache was written by another version of the program", mark, found, Mark,
                    "another --cache, or remove the folder");
        }
        else if (Former.Any(name => Directory.Exists(Path.Combine(folder, name))))
        {
            throw new InputException(
                "the cache was written by an earlier version of the program", folder, string.Join(" and ", Former),
                SchemaFile,
                "another --cache, or remove the folder");
        }
        else
        {
            AtomicFile.WriteText(mark, Mark + "\n");
        }

        return new(folder, byName: false, clock);
    }

    /// <summary>Whether a folder is that of a finished stage.</summary>
    internal static bool IsStage(string folder) => File.Exists(Path.Combine(folder, Result));

    /// <summary>The folder of one run: stages lie under their names, and nothing is left out.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="writes">
    /// Whether anything is kept there; otherwise another process keeps it, and this one reads it.
    /// </param>
    public static StageStore Run(string folder, bool writes = true) => new(folder, byName: true, writes: writes);

    /// <summary>A finished stage; null if it is not there.</summary>
    /// <param name="node">The stage.</param>
    /// <param name="needsModel">Whether the model that it ended with has to be there too.</param>
    /// <exception cref="InputException">The file is not what the program wrote under this hash.</exception>
    public StageResult? Find(StageNode node, bool needsModel)
    {
        bool isThere = File.Exists(In(node, Result))
            && (!needsModel || node.Stage is null || (HasModel(node) && (_byName || KeptSums.Are(In(node, "")))));
        return isThere ? Whole(node, Recorded(node)) : null;
    }

    private StageResult? Whole(StageNode node, StageResult result)
    {
        if (result.Hash == node.Hash)
            return result.Measured is null || File.Exists(In(node, Answers)) ? result : null;
        throw new InputException(
            "a kept stage is not the one that belongs there", In(node, Result), $"{result.Schema} {result.Hash}",
            $"{StageResult.CurrentSchema} {node.Hash}",
            "give the recipe, the files and the program as they were, or remove the stage's folder: it is computed again");
    }

    /// <summary>What was found in a stage, whatever it was computed from.</summary>
    /// <exception cref="InputException">The file is missing, or it is not what the program writes.</exception>
    internal StageResult Recorded(StageNode node)
    {
        string path = In(node, Result);
        try
        {
            var result = CompleteJson.Read(File.ReadAllText(path), StageJson.Default.StageResult);
            return result is { Schema: StageResult.CurrentSchema, Curve: not null, HoldsTogether: true }
                ? result
                : throw new JsonException("another form");
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new InputException(
                "a kept stage cannot be read", path, error.Message, "a stage that this program wrote",
                "remove the stage's folder: it is computed again", error);
        }
    }

    /// <summary>The answers with which a stage's model was measured; none where nothing was measured.</summary>
    /// <exception cref="InputException">They cannot be read.</exception>
    public IReadOnlyList<KeptAnswer> AnswersOf(StageNode node) =>
        File.Exists(In(node, Answers)) ? KeptAnswer.Read(In(node, Answers)) : [];

    /// <summary>Keeps the answers with which a stage's model was measured.</summary>
    internal void Keep(StageNode node, IEnumerable<KeptAnswer> answers)
    {
        if (_writes)
            KeptAnswer.Write(In(node, Answers), answers);
    }

    /// <summary>Keeps what was found.</summary>
    internal void Keep(StageNode node, StageResult result)
    {
        if (_writes)
            AtomicFile.WriteText(
                In(node, Result), JsonSerializer.Serialize(result, StageJson.Default.StageResult) + "\n");
    }

    /// <summary>A stage that failed, after a cache has kept that it diverged, if it did.</summary>
    internal FailedStage Noted(FailedStage failure) =>
        _byName ? failure : DivergedStage.Keep(In(failure.Stage, ""), failure);

    /// <summary>A stage that diverged when it was computed into this cache; null where none did.</summary>
    /// <exception cref="InputException">The note cannot be read.</exception>
    public FailedStage? Diverged(StageNode node) => _byName ? null : DivergedStage.Read(In(node, ""), node);

    /// <summary>
    /// Keeps the model that a stage ended with: the adapter alone where one is attached, for the rest is the stage
    /// before; else every weight, in the type that it was computed in. A model that is there already is the same one,
    /// also where another process on this cache has renamed it into place while this one was writing. A cache keeps its
    /// sums too, for others may read it elsewhere.
    /// </summary>
    internal void Keep<T>(StageNode node, Model<T> model) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (!_writes)
            return;
        try
        {
            if (HasModel(node))
                return;
            if (model.Adapter is { } adapter)
                adapter.Save(In(node, Adapter), exact: true, node.AdapterBase);
            else
                model.Save(In(node, Model), exact: true);
        }
        catch (InputException) when (HasModel(node))
        {
            // another process was first with the same bits, and the temporary folder of this one is gone
        }
        finally
        {
            if (!_byName && HasModel(node))
                KeptSums.Write(In(node, ""), ModelIn(node));
        }
    }

    /// <summary>Loads the model that a stage ended with.</summary>
    internal Model<T> Load<T>(StageNode node, string folder, Device device)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (!_byName && HasModel(node))
            KeptSums.Require(In(node, ""), ModelIn(node));
        if (Directory.Exists(In(node, Model)))
            return LanguageModel.Load<T>(In(node, Model), device, node.Recipe.Model.Kept);
        if (node.Parent is null)
            return node.Recipe.Model.Load<T>(folder, device, RandomStream.FromSeed(node.Trial.Seed));
        var model = Load<T>(node.Parent, folder, device);
        try
        {
            if (node.Stage is TrainStageOptions { Adapter: SameAdapterOptions })
                model.Adapter?.Dispose();
            else
                model.MergeAdapter();
            Lora.Load(model, In(node, Adapter));
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The first stage, up to this one, whose model is needed and missing; null where nothing is.</summary>
    internal (string Name, string Folder)? Unfinished(StageNode node)
    {
        if (node.Stage is null || Directory.Exists(In(node, Model)))
            return null;
        return Unfinished(node.Parent!) ?? (HasModel(node) ? null : (node.Name, In(node, "")));
    }

    /// <summary>The checkpoints of a stage under way.</summary>
    internal StageCheckpoints Checkpoints(StageNode node, string arithmetic) =>
        new(In(node, ""), node, arithmetic, _writes);

    /// <summary>
    /// Requires that a run may go on here: that every stage which is kept, whole or on the way, is one of the plan and
    /// in its arithmetic. Nothing is changed.
    /// </summary>
    /// <param name="plan">The stages.</param>
    /// <param name="part">Those that are looked at; all if it is null.</param>
    /// <exception cref="InputException">
    /// A stage was computed from something else. The message says from what.
    /// </exception>
    public void Require(StagePlan plan, IReadOnlyCollection<StageNode>? part = null)
    {
        foreach (var node in part ?? plan.Nodes)
        {
            var kept = File.Exists(In(node, Result)) ? Recorded(node) : null;
            if (kept?.Arithmetic is { } found && found != plan.Arithmetic)
                throw new InputException(
                    "a kept stage was computed in another arithmetic, which gives other bits", In(node, Result), found,
                    plan.Arithmetic,
                    "give the same --device and --matmul, on a machine with vectors of the same width, or begin anew in another --out");
            if (kept is not null && Whole(node, kept) is not null)
                continue;
            Checkpoints(node, plan.Arithmetic).Require();
            if (_byName && HasModel(node)
                && (!File.Exists(In(node, Begun)) || File.ReadAllText(In(node, Begun)).Trim() != node.Hash))
                throw new InputException(
                    "a stage was begun with another recipe or other files, and its model is kept", In(node, ""), null,
                    $"a stage {node.Hash}",
                    "give the recipe and the files as they were, or remove the stage's folder: it is computed again");
        }
    }

    /// <summary>
    /// Removes what a process that was killed left of a stage: temporary files and, of a finished stage, checkpoints.
    /// In a cache, which other processes may be writing to, temporary files have to be a day old.
    /// </summary>
    internal void Tidy(StageNode node, bool isFinished, string arithmetic)
    {
        if (!_writes)
            return;
        AtomicFile.RemoveLeftovers(In(node, ""), IsOwn, _byName ? null : IsOld);
        if (!isFinished)
            return;
        Checkpoints(node, arithmetic).Remove();
        FileChanges.Delete(In(node, Begun));
        FileChanges.Delete(In(node, DivergedStage.FileName));
    }

    /// <summary>
    /// Notes in a run's folder which stage is begun there, so that a model that is kept before its result can be told
    /// from one of a changed recipe. In a cache the folder's name says it.
    /// </summary>
    internal void Begin(StageNode node)
    {
        if (_byName && _writes)
            AtomicFile.WriteText(In(node, Begun), node.Hash + "\n");
    }

    private bool IsOld(string path) => _clock?.GetUtcNow() - File.GetLastWriteTimeUtc(path) > TimeSpan.FromDays(1);

    private static bool IsOwn(string name) =>
        name is Result or Model or Adapter or Steps or Answers or Begun or KeptSums.FileName or DivergedStage.FileName
            || StageCheckpoints.IsName(name);

    /// <summary>Where a stage's steps are written as they happen; null where they are not kept.</summary>
    internal string? StepsOf(StageNode node) => _byName && _writes ? In(node, Steps) : null;

    private static string Mark => $$"""{"schema": "{{Schema}}"}""";

    private bool HasModel(StageNode node) => Directory.Exists(In(node, Model)) || Directory.Exists(In(node, Adapter));

    private string ModelIn(StageNode node) => Directory.Exists(In(node, Model)) ? Model : Adapter;

    private string In(StageNode node, string name) => Path.Combine(_folder, _byName ? node.Name : node.Hash, name);
}
