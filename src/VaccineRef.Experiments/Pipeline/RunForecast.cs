using System.Text.Json;
using System.Text.Json.Serialization;
using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>What a recipe will do and need, known before it is run.</summary>
/// <param name="Schema">Which form this record has.</param>
/// <param name="Name">The recipe's name.</param>
/// <param name="Trials">The cells of the grid: combinations of one alternative of every axis and a seed.</param>
/// <param name="Stages">Stages that are computed; what several trials begin with is counted once.</param>
/// <param name="Shared">Stages that need not be computed because another trial begins alike.</param>
/// <param name="PeakBytes">The most bytes on the device at once, if one stage is computed at a time.</param>
/// <param name="DiskBytes">Bytes of the models that are kept.</param>
/// <param name="Seconds">About how long everything takes; null where it was not probed.</param>
/// <param name="Planned">The stages; those that differ in the seed alone are one.</param>
/// <param name="Data">What becomes of the rows of every file in every role, seed by seed.</param>
public sealed record RunForecast(
    string Schema, string Name, int Trials, int Stages, int Shared, long PeakBytes, long DiskBytes, double? Seconds,
    IReadOnlyList<PlannedStage> Planned, IReadOnlyList<PlannedRows> Data)
{
    /// <summary>The form of today's records.</summary>
    public const string CurrentSchema = "vaccine-plan/1";

    // A list of rows is there to look at; the manifest of a run has all of them.
    private const int MostRows = 5;

    /// <summary>Puts together what was found before a plan is computed.</summary>
    /// <param name="name">The recipe's name.</param>
    /// <param name="plan">The stages.</param>
    /// <param name="preflight">What was found of its trials; nothing is wrong with them.</param>
    /// <param name="keepsEverything">
    /// Whether every stage's model is kept, and not only those that others begin with or that the recipe asks for.
    /// </param>
    public static RunForecast Of(string name, StagePlan plan, Preflight preflight, bool keepsEverything)
    {
        var nodes = new Dictionary<string, (StageNode Node, StageForecast Forecast)>();
        foreach (var (chain, trial) in plan.Chains.Zip(preflight.Trials))
            foreach (var (node, forecast) in chain.Zip(trial.Stages))
                if (!nodes.TryGetValue(node.Hash, out var known) || known.Forecast.Needs is null)
                    nodes[node.Hash] = (node, forecast);
        var groups = plan.Nodes.Select(node => nodes[node.Hash]).GroupBy(each => Label(each.Node));
        PlannedStage[] planned = [.. groups.Select(group => Line(group.Key, [.. group]))];
        long disk = planned.Zip(plan.Nodes.GroupBy(Label), (stage, group) =>
            stage.KeptBytes * group.Count(node => keepsEverything || plan.Keeps(node))).Sum();
        return new(
            CurrentSchema, name, plan.Trials.Count, plan.Nodes.Count,
            plan.Chains.Sum(chain => chain.Count) - plan.Nodes.Count,
            planned.Max(stage => stage.PeakBytes), disk, null, planned, [.. Rows(preflight)]);
    }

    /// <summary>The forecast as indented JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ForecastJson.Default.RunForecast);

    /// <summary>The same with times.</summary>
    /// <param name="seconds">How long one of each planned stage takes; null where that is not known.</param>
    /// <param name="workers">How many stages are computed at once.</param>
    public RunForecast With(IReadOnlyList<double?> seconds, int workers) => this with
    {
        Planned = [.. Planned.Zip(seconds, (stage, each) => stage with { Seconds = each })],
        Seconds = seconds.Contains(null)
            ? null
            : Planned.Zip(seconds, (stage, each) => stage.Count * each!.Value).Sum() / workers,
    };

    /// <summary>Which stages are one line: the model as it is given; what is made of it; and the attack.</summary>
    public static (string Stage, string? Condition, string? Attack) Label(StageNode node) => node switch
    {
        { IsAttack: true } => (node.Name, node.Trial.Condition, node.Trial.Attack),
        { Stage: null } or { Parent.Stage: null } when node.Trial.Recipe.Stages.Count > 1 =>
            (node.Name, Alone(node), null),
        _ => (node.Name, node.Trial.Condition, null),
    };

    private static string? Alone(StageNode node) =>
        node.Stage is null || !node.Recipe.Model.IsTrained ? null : node.Trial.Condition;

    private static PlannedStage Line(
        (string Stage, string? Condition, string? Attack) label,
        IReadOnlyList<(StageNode Node, StageForecast Forecast)> nodes)
    {
        var forecasts = nodes.Select(each => each.Forecast).ToArray();
        var needs = forecasts.Select(each => each.Needs).OfType<StageNeeds>().FirstOrDefault();
        return new(
            label.Stage, label.Condition, label.Attack, nodes.Count, forecasts[0].Rows, forecasts[0].Steps,
            forecasts[0].Tokens,
            needs?.Trained ?? 0, needs?.Weights ?? 0, needs?.Peak ?? 0, needs?.Kept ?? 0, null,
            forecasts.Sum(each => each.Cut.Count),
            [.. forecasts.SelectMany(each => each.Cut).Distinct().Take(MostRows)],
            forecasts.Sum(each => each.Dropped.Count),
            [.. forecasts.SelectMany(each => each.Dropped).Distinct().Take(MostRows)]);
    }

    private static IEnumerable<PlannedRows> Rows(Preflight preflight) =>
        from stage in preflight.Data.Stages
        from pool in stage.Pools ?? []
        select new PlannedRows(
            stage.Name, stage.Seed, pool.Name, pool.File, pool.Found, pool.OtherKind + pool.NotCounted, pool.HeldOut,
            pool.Asked, pool.Drawn,
            pool.Dropped, pool.Trained);
}

/// <summary>A stage, or several that differ in the seed alone.</summary>
/// <param name="Stage">Its name; "model" for the model as it is given.</param>
/// <param name="Condition">The condition; null where all share it.</param>
/// <param name="Attack">The attack; null where it is none.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Rows">Sequences that one is trained on; 0 where nothing is trained.</param>
/// <param name="Steps">Its optimizer steps.</param>
/// <param name="Tokens">Tokens of all its steps together.</param>
/// <param name="Trained">How many numbers it trains.</param>
/// <param name="WeightBytes">Bytes of the model that it begins with.</param>
/// <param name="PeakBytes">The most bytes on the device at once.</param>
/// <param name="KeptBytes">Bytes of the model that it ends with, as it is written.</param>
/// <param name="Seconds">About how long one takes; null where it was not probed.</param>
/// <param name="Cut">Rows that are cut at max_length, in all.</param>
/// <param name="CutRows">Some of them.</param>
/// <param name="Dropped">Rows of which nothing is left to learn, in all.</param>
/// <param name="DroppedRows">Some of them.</param>
public sealed record PlannedStage(
    string Stage, string? Condition, string? Attack, int Count, int Rows, int Steps, long Tokens, long Trained,
    long WeightBytes,
    long PeakBytes, long KeptBytes, double? Seconds, int Cut, IReadOnlyList<string> CutRows, int Dropped,
    IReadOnlyList<string> DroppedRows);

/// <summary>What becomes of the rows of a file in a role.</summary>
/// <param name="Stage">The stage, or the evaluation.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Role">The role.</param>
/// <param name="File">The file's name.</param>
/// <param name="Found">Rows of the file.</param>
/// <param name="LeftOut">Rows that are of another kind, or beyond the file's count.</param>
/// <param name="HeldOut">Rows that the evaluation has.</param>
/// <param name="Asked">Rows that the recipe asks for.</param>
/// <param name="Drawn">Rows that are drawn.</param>
/// <param name="Dropped">Rows of which nothing is left to learn.</param>
/// <param name="Used">Rows that are trained or tested on.</param>
public sealed record PlannedRows(
    string Stage, ulong Seed, string Role, string File, int Found, int LeftOut, int HeldOut, int Asked, int Drawn,
    int Dropped, int Used);

[JsonSourceGenerationOptions(WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(RunForecast))]
internal sealed partial class ForecastJson : JsonSerializerContext;
