using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>
/// The folder of a run or of a grid: its recipe, what was found in each stage, and the models that stages ended with. A
/// grid's stages lie in its cache, and only some of its models are kept.
/// </summary>
public sealed class FinishedRun
{
    /// <summary>The name of a run's own recipe.</summary>
    public const string RecipeFile = "recipe.json";

    /// <summary>Moments, besides the names of stages: before the attack, and after it.</summary>
    public const string Aligned = "aligned", Attacked = "attacked";

    private readonly StagePlan _plan;
    private readonly StageStore _store;

    private readonly Lazy<ITextTokenizer> _tokenizer;

    private FinishedRun(string folder, StagePlan plan, StageStore store)
    {
        (Folder, _plan, _store) = (folder, plan, store);
        _tokenizer = new(() => Recipe.Model.Tokenizer(folder));
    }

    /// <summary>Whether it is a grid's folder.</summary>
    public bool IsGrid => !_store.KeepsEverything;

    /// <summary>The run's folder.</summary>
    public string Folder { get; }

    /// <summary>The run's recipe; of a grid, that of the first trial that was meant.</summary>
    public Recipe Recipe => _plan.Trials[0].Recipe;

    /// <summary>The folder's stages in their order, the model as it was given first.</summary>
    public IReadOnlyList<StageNode> Stages => _plan.Chains[0];

    /// <summary>The tokenizer of the recipe's model.</summary>
    public ITextTokenizer Tokenizer => _tokenizer.Value;

    /// <summary>The prompt template with which the run asks its questions, or another one of its model.</summary>
    /// <param name="id">Another template; the recipe's if it is null.</param>
    /// <param name="system">Another system text; the recipe's if it is null.</param>
    /// <exception cref="InputException">There is no such template.</exception>
    public PromptTemplate Template(string? id = null, string? system = null)
    {
        var asked = Recipe.Evaluation as HeldOutOptions;
        return new DataReader(Recipe, _plan.Files, Tokenizer).Template(id ?? asked?.Template, system ?? asked?.System);
    }

    /// <summary>Whether a folder is a run's or a grid's, and not a model's.</summary>
    public static bool Is(string folder) =>
        File.Exists(Path.Combine(folder, RecipeFile)) && !File.Exists(Path.Combine(folder, "config.json"));

    /// <summary>The run and the name of the stage that a folder is of; null for any other folder.</summary>
    public static (string Run, string Stage)? StageIn(string folder)
    {
        string stage = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        return StageStore.IsStage(stage) && Path.GetDirectoryName(stage) is { } run && Is(run)
            ? (run, Path.GetFileName(stage))
            : null;
    }

    /// <summary>Opens the folder of a run.</summary>
    /// <param name="folder">The folder that the run wrote.</param>
    /// <param name="arithmetic">The device and the precision of its products, as for <see cref="StagePlan"/>.</param>
    /// <param name="words">
    /// Of a grid, which trials are meant: each word is a seed, or a model, a condition or an attack, or a part of one.
    /// </param>
    /// <param name="cache">The folder of a grid's stages.</param>
    /// <param name="cancel">Stops the reading of the run's files, then and later.</param>
    /// <exception cref="InputException">
    /// No trial is meant, or a file that the run was made with is missing or another one.
    /// </exception>
    public static FinishedRun Open(
        string folder, string arithmetic, IReadOnlyList<string> words, string cache, CancellationToken cancel = default)
    {
        var recipe = RecipeFormat.Standard.Read(Path.Combine(folder, RecipeFile));
        var trials = new ExperimentGrid(recipe, RecipeFormat.Standard).Trials();
        if (trials.Count > 1 && !Directory.Exists(cache))
            throw new InputException(
                "the stages of the grid are not there", cache, expected: "the cache that the grid was run with",
                remedy: "name it: --cache DIR");
        var store = trials.Count == 1 ? StageStore.Run(folder) : StageStore.Cache(cache);
        var meant = words.Aggregate(trials.ToArray(), (left, word) => Meant(left, word, trials));
        return new(
            folder, new StagePlan(meant, RecipeFormat.Standard, new DataFiles(folder, cancel), arithmetic), store);
    }

    /// <summary>
    /// The stage that a name stands for: its own, "aligned", or "attacked"; the last one where there is none.
    /// </summary>
    /// <exception cref="InputException">
    /// The run has no such stage, or several of its trials have one and none is chosen.
    /// </exception>
    public StageNode Stage(string? name)
    {
        StageNode[] found = [.. _plan.Chains.Select(chain => Stage(chain, name)).DistinctBy(stage => stage.Hash)];
        if (found.Length > 1)
            found = [.. found.Where(stage => _store.Unfinished(stage) is null)];
        const int Shown = 6;
        return found.Length switch
        {
            1 => found[0],
            0 => throw NotKept(Path.Combine(Folder, RecipeFile), name ?? "the last stage"),
            _ => throw new InputException(
                "several models of the grid are meant", Folder,
                string.Join("; ", found.Take(Shown).Select(stage => Described(stage.Trial)))
                    + (found.Length > Shown ? $"; and {found.Length - Shown} more" : ""),
                "one",
                "say which: --trial CONDITION, --trial ATTACK, --trial SEED, as many as are needed; a part of a name is enough"),
        };
    }

    /// <summary>A trial in words.</summary>
    public static string Described(Trial trial) =>
        string.Join(
            ", ", ((string?[])[trial.Model, trial.Condition, trial.Attack, $"seed {trial.Seed}"])
                .Where(part => !string.IsNullOrEmpty(part)));

    private static StageNode Stage(IReadOnlyList<StageNode> stages, string? name)
    {
        if (name is null)
            return stages[^1];
        int attack = stages.ToList().FindIndex(stage => stage.IsAttack);
        var found = stages.FirstOrDefault(stage => stage.Name == name)
            ?? (attack > 0 && name is Aligned or Attacked ? stages[name == Aligned ? attack - 1 : attack] : null);
        string[] known = [.. stages.Select(stage => stage.Name), .. attack > 0 ? (string[])[Aligned, Attacked] : []];
        return found ?? throw RecipeException.Unknown("the run has no such stage", "--stage", name, known);
    }

    /// <summary>The trials that a word fits: those that have it as a name, or else those that have it in one.</summary>
    private static Trial[] Meant(Trial[] trials, string word, IReadOnlyList<Trial> all)
    {
        static string?[] Names(Trial trial) => [trial.Model, trial.Condition, trial.Attack];
        Trial[] named = [.. trials
            .Where(trial => $"{trial.Seed}" == word || Names(trial).Contains(word, StringComparer.OrdinalIgnoreCase))];
        Trial[] found = named.Length > 0
            ? named
            : [.. trials.Where(
                trial => Names(trial).Any(name => name?.Contains(word, StringComparison.OrdinalIgnoreCase) == true))];
        return found.Length > 0
            ? found
            : throw RecipeException.Unknown(
                "no trial of the grid fits", "--trial", word,
                [.. all.SelectMany(trial => Names(trial).Append($"{trial.Seed}")).OfType<string>()
                    .Where(name => name.Length > 0).Distinct()]);
    }

    private static InputException NotKept(string where, string stage) => new(
        "the grid has not kept such a model", where, $"no model of {stage}",
        "a stage that the recipe's keep names, of one of the seeds that it keeps",
        "set it in the recipe, as in \"keep\": { \"stages\": [\"attack\"], \"seeds\": 1 }, and run the grid again: only what is missing is computed");

    /// <summary>Loads the model that a stage ended with.</summary>
    /// <exception cref="InputException">
    /// The stage was not finished, or a file of its model is missing or damaged.
    /// </exception>
    public Model<T> Load<T>(StageNode stage, Device device) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (_store.Unfinished(stage) is { } missing)
            throw !_store.KeepsEverything ? NotKept(missing.Folder, missing.Name) : new InputException(
                "a stage of the run is not finished", missing.Folder, $"no model of the stage {missing.Name}",
                "the folder of a finished run",
                $"go on with it: vaccine run {Path.Combine(Folder, RecipeFile)} --out {Folder} --resume");
        return _store.Load<T>(stage, Folder, device);
    }

    /// <summary>
    /// Measures a stage's model again, as the recipe says, and requires that it gives what the run found, bit by bit.
    /// </summary>
    /// <param name="stage">The stage.</param>
    /// <param name="device">Where to compute.</param>
    /// <param name="answers">Receives every answer with its verdict; null where nobody wants them.</param>
    /// <param name="cancel">Cancels the work.</param>
    /// <param name="answered">Told how many questions are answered, of how many; null for nobody.</param>
    /// <exception cref="InputException">
    /// The recipe measures nothing, the run was computed in another arithmetic, or something in the run's folder has
    /// changed since.
    /// </exception>
    public Measurement Evaluate<T>(
        StageNode stage, Device device, ICollection<KeptAnswer>? answers, CancellationToken cancel,
        Action<int, int>? answered = null)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var recipe = stage.Recipe;
        if (recipe.Evaluation is not { } options)
            throw new InputException(
                "the run's recipe measures nothing", Path.Combine(Folder, RecipeFile), "no evaluation",
                remedy: "say what to ask: --data FILE --task TASK");
        var recorded = _store.Recorded(stage);
        RequireSame(stage, recorded);
        using var model = Load<T>(stage, device);
        var reader = new DataReader(recipe, _plan.Files, Tokenizer);
        using var evaluation = options.Open<T>(reader, recipe.Probed, device, recipe.Model.Kept, Alone.Only);
        var measured = evaluation.Measure(model, answers, cancel, answered);
        if (recorded.Measured is { } before && Difference(before, measured) is var (found, expected))
            throw new InputException(
                "the run's files no longer give the run's numbers", Path.Combine(Folder, stage.Name), found,
                $"{expected}, as the run found",
                "something in the folder was changed: run the recipe again");
        return measured;
    }

    private void RequireSame(StageNode stage, StageResult recorded)
    {
        if (recorded.Hash == stage.Hash)
            return;
        string where = Path.Combine(Folder, stage.Name);
        throw recorded.Arithmetic is { } arithmetic && arithmetic != _plan.Arithmetic
            ? new InputException(
                "the run was computed in another arithmetic, in which the last bits differ", where, _plan.Arithmetic,
                arithmetic,
                "name the device and the products of the run with --device and --matmul; or give --data and --task, "
                + "whose scores are not held to the run's")
            : new InputException(
                "the stage is not what the recipe beside it computes", where, recorded.Hash, stage.Hash,
                "the recipe was changed, or another version of the program computed the run: run the recipe again");
    }

    private static (string Found, string Expected)? Difference(Measurement before, Measurement now)
    {
        foreach (var (was, found) in before.Scores.Zip(now.Scores))
            if (was != found)
                return ($"{found}", $"{was}");
        foreach (var (name, was, found) in ((string, double?, double?)[])[
            ("loss of harmful answers", before.HarmfulLoss, now.HarmfulLoss),
            ("loss of refusals", before.RefusalLoss, now.RefusalLoss),
            ("loss of the alignment data", before.AlignmentLoss, now.AlignmentLoss),
            ("loss of the task", before.TaskLoss, now.TaskLoss)])
            if (!Equals(was, found))
                return ($"{name} {found:R}", $"{was:R}");
        return null;
    }
}
