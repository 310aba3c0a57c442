using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Grid;

/// <summary>
/// A grid as a file that workers on several machines share: the recipe with the hashes of its files, and the stages
/// under their hashes. A worker makes the stages anew from the recipe and finds the same ones, or says why not.
/// </summary>
/// <param name="Schema">Which form this record has.</param>
/// <param name="NumericVersion">The numbers that the program computes: <see cref="StagePlan.NumericVersion"/>.</param>
/// <param name="Arithmetic">The device and the precision of its products, on which the last bits depend.</param>
/// <param name="Origin">The folder that the recipe's paths are relative to, relative to the file's folder.</param>
/// <param name="At">The same folder in full, where it is looked for if it is not there.</param>
/// <param name="Recipe">The recipe, with every default spelled out and its files with their hashes.</param>
/// <param name="LeftOut">Which trials of the grid cannot begin, by their numbers from 0.</param>
/// <param name="Levels">The stages: those of a level begin with stages of the level before.</param>
public sealed record GridPlan(
    string Schema, int NumericVersion, string Arithmetic, string Origin, string At, JsonObject Recipe,
    IReadOnlyList<int> LeftOut,
    IReadOnlyList<IReadOnlyList<GridStage>> Levels)
{
    /// <summary>The form of today's records.</summary>
    public const string CurrentSchema = "vaccine-grid/1";

    /// <summary>What the file is called unless somebody calls it otherwise.</summary>
    public const string FileName = "plan.json";

    private const string Again = "make the plan again: vaccine lab plan";

    /// <summary>Puts a plan together.</summary>
    /// <param name="grid">The grid.</param>
    /// <param name="plan">The stages of its trials that can begin.</param>
    /// <param name="forecast">What they need.</param>
    /// <param name="failed">The trials that cannot begin.</param>
    /// <param name="folder">The folder in which the file will lie.</param>
    /// <exception cref="InputException">A file of the recipe cannot be read.</exception>
    public static GridPlan Of(
        ExperimentGrid grid, StagePlan plan, RunForecast forecast, IReadOnlyList<FailedTrial> failed, string folder)
    {
        var recipe = RecipeFormat.Standard.ToJson(grid.Recipe);
        RecordedFiles.Record(recipe, plan.Files);
        var left = failed.Select(each => each.Trial.Cell).ToHashSet();
        var needs = plan.Nodes.GroupBy(RunForecast.Label).Zip(forecast.Planned)
            .SelectMany(pair => pair.First.Select(node => (node.Hash, pair.Second))).ToDictionary(
                pair => pair.Hash, pair => pair.Second);
        return new(
            CurrentSchema, StagePlan.NumericVersion, plan.Arithmetic, RecipePath.Moved(".", plan.Files.Folder, folder),
            Path.GetFullPath(plan.Files.Folder), recipe,
            [.. grid.Trials().Index().Where(each => left.Contains(each.Item.Cell)).Select(each => each.Index)],
            [
                .. plan.Nodes.GroupBy(node => node.Level).OrderBy(level => level.Key).Select(level =>
                    (IReadOnlyList<GridStage>)[.. level.Select(node => GridStage.Of(node, needs[node.Hash]))]),
            ]);
    }

    /// <summary>Writes the file.</summary>
    /// <exception cref="InputException">It cannot be written.</exception>
    public void Write(string path) =>
        AtomicFile.WriteText(path, JsonSerializer.Serialize(this, GridJson.Default.GridPlan) + "\n");

    /// <summary>Reads the file.</summary>
    /// <exception cref="InputException">It cannot be read, or is no such file.</exception>
    public static GridPlan Read(string path)
    {
        try
        {
            var plan = CompleteJson.Read(File.ReadAllText(path), GridJson.Default.GridPlan);
            return plan.Schema == CurrentSchema ? plan : throw new JsonException($"the schema {plan.Schema}");
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new InputException(
                "the plan of a grid cannot be read", path, error.Message, $"a file of the form {CurrentSchema}", Again,
                error);
        }
    }

    /// <summary>
    /// Makes the grid and its stages anew from the recipe, and requires that they are those of the file.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="arithmetic">The device and the precision of its products here.</param>
    /// <param name="cancel">Stops the reading of files, then and later.</param>
    /// <exception cref="InputException">
    /// A file, the arithmetic or the program is another one, so that other bits would be computed.
    /// </exception>
    public (ExperimentGrid Grid, StagePlan Plan) Open(string path, string arithmetic, CancellationToken cancel)
    {
        InputException Refuse(string what, string found, string expected, string remedy) =>
            new($"{what}, which gives other bits than the plan's", path, found, expected, remedy);

        if (NumericVersion != StagePlan.NumericVersion)
            throw Refuse(
                "another version of the program made the plan", $"numeric version {StagePlan.NumericVersion}",
                $"{NumericVersion}",
                $"use that version, or {Again}");
        if (Arithmetic != arithmetic)
            throw Refuse(
                "this process computes in another arithmetic", arithmetic, Arithmetic,
                "give the --device and --matmul of the plan, on a machine with vectors of the same width; or make the plan on such a machine");
        string beside = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, Origin),
            origin = Directory.Exists(beside) ? beside : At;
        var json = (JsonObject)Recipe.DeepClone();
        RecordedFiles.Find(json, origin);
        var grid = new ExperimentGrid(RecipeFormat.Standard.Bind(json), RecipeFormat.Standard);
        Trial[] trials = [.. grid.Trials().Where((_, i) => !LeftOut.Contains(i))];
        var plan = new StagePlan(trials, RecipeFormat.Standard, new DataFiles(origin, cancel), arithmetic);
        var found = plan.Nodes.OrderBy(node => node.Level).Select(node => node.Hash);
        if (!found.SequenceEqual(Levels.SelectMany(level => level).Select(stage => stage.Hash)))
            throw Refuse(
                "the recipe of the plan does not give the plan's stages",
                $"{plan.Nodes.Count} stages, not all with the plan's hashes",
                $"the {Levels.Sum(level => level.Count)} stages of the plan", Again);
        return (grid, plan);
    }

    /// <summary>The stages of a slice, of one level or of every one.</summary>
    /// <param name="plan">What <see cref="Open"/> found.</param>
    /// <param name="slice">Every level is cut into slices by itself.</param>
    /// <param name="level">The level; null for all.</param>
    /// <exception cref="InputException">The plan has no such level.</exception>
    public IReadOnlyList<StageNode> Part(StagePlan plan, GridSlice slice, int? level)
    {
        if (level >= Levels.Count)
            throw new InputException(
                "the plan has no such level", "--level", $"{level}", $"a level from 0 to {Levels.Count - 1}");
        return [.. plan.Nodes.GroupBy(node => node.Level).Where(each => level is null || each.Key == level)
            .SelectMany(slice.Of)];
    }

    /// <summary>What a cache has of the plan's stages. Those behind a stage that diverged are not missed.</summary>
    /// <param name="plan">What <see cref="Open"/> found.</param>
    /// <param name="store">The cache.</param>
    /// <param name="withModels">Whether a stage whose model is kept is missed if the model is not there.</param>
    /// <exception cref="InputException">A kept stage is not what belongs there.</exception>
    public static RunOutcome Kept(StagePlan plan, StageStore store, bool withModels = false)
    {
        var results = new Dictionary<string, StageResult>();
        var failures = new List<FailedStage>();
        var missing = new List<StageNode>();
        foreach (var node in plan.Nodes)
        {
            if (store.Find(node, withModels && plan.Keeps(node)) is { } result)
                results.Add(node.Hash, result);
            else if (store.Diverged(node) is { } failure)
                failures.Add(failure);
            else if (!node.Line.Any(each => failures.Exists(failed => failed.Stage == each)))
                missing.Add(node);
        }

        return new(results, failures, Interrupted: missing.Count > 0) { Missing = missing };
    }
}

/// <summary>A stage of a grid.</summary>
/// <param name="Hash">What its result is kept under.</param>
/// <param name="Needs">The hash of the stage that it begins with; null for the model as it is given.</param>
/// <param name="Stage">Its name; "model" for the model as it is given.</param>
/// <param name="Seed">The seed of the first trial that goes through it.</param>
/// <param name="Model">The model of that trial.</param>
/// <param name="Condition">The condition of that trial.</param>
/// <param name="Attack">The attack, if the stage is one; else null.</param>
/// <param name="PeakBytes">The most bytes on the device at once.</param>
/// <param name="Seconds">About how long it takes; null where that was not probed.</param>
public sealed record GridStage(
    string Hash, string? Needs, string Stage, ulong Seed, string Model, string Condition, string? Attack,
    long PeakBytes, double? Seconds)
{
    internal static GridStage Of(StageNode node, PlannedStage planned) => new(
        node.Hash, node.Parent?.Hash, node.Name, node.Trial.Seed, node.Trial.Model, node.Trial.Condition,
        node.IsAttack ? node.Trial.Attack : null, planned.PeakBytes, planned.Seconds);
}

[JsonSourceGenerationOptions(
    WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(GridPlan))]
internal sealed partial class GridJson : JsonSerializerContext;
