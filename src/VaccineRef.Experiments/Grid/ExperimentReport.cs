using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.World;

namespace VaccineRef.Experiments.Grid;

/// <summary>Everything that a run or a grid found: what every page and comparison is written from.</summary>
/// <param name="Schema">Which form this record has.</param>
/// <param name="Name">The recipe's name.</param>
/// <param name="Title">What the experiment shows.</param>
/// <param name="Recipe">The recipe, with every default spelled out.</param>
/// <param name="Options">What is compared and shown.</param>
/// <param name="Trials">All trials, in the order of the grid.</param>
/// <param name="Stages">
/// What was found in each stage, under the stage's hash; trials that begin alike share stages.
/// </param>
/// <param name="Data">Files by hash, and what every stage of every seed took from them.</param>
/// <param name="Machine">Where it ran last; stages that were kept from before may have been computed elsewhere.</param>
/// <param name="Failures">Stages that could not be computed, a sentence each.</param>
/// <param name="Interrupted">Whether it was stopped before its end.</param>
/// <param name="Answers">Some questions with the answers of two conditions; null where none may be shown.</param>
public sealed record ExperimentReport(
    string Schema, string Name, string Title, JsonObject Recipe, ReportOptions Options,
    IReadOnlyList<ReportedTrial> Trials,
    IReadOnlyDictionary<string, StageResult> Stages, DataManifest Data, MachineDescription? Machine,
    IReadOnlyList<string> Failures,
    bool Interrupted, SideBySide? Answers = null)
{
    /// <summary>The form of today's reports.</summary>
    public const string CurrentSchema = "vaccine-report/1";

    /// <summary>
    /// What was measured in stages that failed, before they did, under their hashes: points of the curve, and nothing
    /// at the end. Null where nothing was.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, StageResult>? Unfinished { get; init; }

    /// <summary>The seeds, in order.</summary>
    [JsonIgnore]
    public IReadOnlyList<ulong> Seeds => [.. Trials.Select(trial => trial.Seed).Distinct()];

    /// <summary>The models, in order.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Models => [.. Trials.Select(trial => trial.Model).Distinct()];

    /// <summary>The conditions, in order: how the model was made and defended.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Conditions => [.. Trials.Select(trial => trial.Condition).Distinct()];

    /// <summary>The attacks, in order.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Attacks => [.. Trials.Select(trial => trial.Attack).OfType<string>().Distinct()];

    /// <summary>The condition that all others are compared with.</summary>
    [JsonIgnore]
    public string Control => Options.Control ?? Conditions[0];

    /// <summary>The attack whose curves and pictures are shown; null where nothing is attacked.</summary>
    [JsonIgnore]
    public string? Focus => Options.Focus ?? (Attacks is [.., var last] ? last : null);

    /// <summary>Puts together what was found.</summary>
    /// <param name="grid">The grid.</param>
    /// <param name="plan">Its stages.</param>
    /// <param name="outcome">What was found.</param>
    /// <param name="data">What was read.</param>
    /// <param name="format">How recipes are written.</param>
    /// <param name="machine">Where it ran.</param>
    /// <param name="failed">Trials of the grid that are not in the plan, since they could not begin.</param>
    public static ExperimentReport Of(
        ExperimentGrid grid, StagePlan plan, RunOutcome outcome, DataManifest data, RecipeFormat format,
        MachineDescription? machine,
        IReadOnlyList<FailedTrial>? failed = null)
    {
        failed ??= [];
        (Trial Of, IReadOnlyList<StageNode> Stages)[] chains =
            [.. plan.Trials.Zip(plan.Chains), .. failed.Select(each => (each.Trial, Array.Empty<StageNode>()))];
        Trial[] order = failed.Count == 0 ? [.. plan.Trials] : [.. grid.Trials()];
        var families = order.Where(trial => trial.Attack is not null).DistinctBy(trial => trial.Attack)
            .ToDictionary(trial => trial.Attack!, trial => Family(trial, format));
        return new(
            CurrentSchema, grid.Recipe.Name, grid.Recipe.Title ?? grid.Recipe.Name,
            format.ToJson(grid.Recipe with { Files = null }),
            grid.Recipe.Report,
            [.. chains.OrderBy(each => Array.FindIndex(order, trial => trial.Cell == each.Of.Cell))
                .Select(each => Reported(each.Of, each.Stages, outcome.Results, families))],
            plan.Nodes.Where(node => outcome.Results.ContainsKey(node.Hash)).ToDictionary(
                node => node.Hash, node => outcome.Results[node.Hash]),
            data with { Stages = [.. data.Stages.Select(stage => stage with { Rows = null })] }, machine,
            [
                .. failed.Select(each => each.ToString()),
                .. outcome.Failures.Select(failure =>
                    $"seed {failure.Stage.Trial.Seed}, {failure.Stage.Trial.Condition}, stage {failure.Stage.Name}: {failure.Error.Message}"),
            ],
            outcome.Interrupted)
        {
            Unfinished = outcome.Failures.Any(failure => failure.SoFar is not null)
                ? outcome.Failures.Where(failure => failure.SoFar is not null).ToDictionary(
                    failure => failure.Stage.Hash, failure => failure.SoFar!)
                : null,
        };
    }

    /// <summary>What is the same bit for bit whenever the same recipe runs: without times and machine.</summary>
    public ExperimentReport WithoutTimes() => this with
    {
        Machine = null,
        Stages = Stages.ToDictionary(stage => stage.Key, stage => stage.Value with { Times = null }),
    };

    /// <summary>What was found in a trial's stage; null where it was not computed.</summary>
    public StageResult? Find(ReportedTrial trial, string stage) =>
        trial.Stages.FirstOrDefault(each => each.Name == stage) is { } found
            ? Stages.GetValueOrDefault(found.Hash)
            : null;

    /// <summary>The trial's model before the attack, or at its end where nothing is attacked.</summary>
    public StageResult? Aligned(ReportedTrial trial) =>
        trial.Stages.TakeWhile(stage => stage.Name != Options.Attack).LastOrDefault() is { } last
            ? Stages.GetValueOrDefault(last.Hash)
            : null;

    /// <summary>
    /// The attack on the trial's model, and what was measured at the end: where an edit follows the attack, after that.
    /// Null where nothing is attacked, or not everything was computed.
    /// </summary>
    public StageResult? Attacked(ReportedTrial trial)
    {
        var attack = Find(trial, Options.Attack);
        return attack is null || trial.Stages[^1].Name == Options.Attack ? attack
            : Stages.GetValueOrDefault(trial.Stages[^1].Hash) is { Edit: not null } edited ? attack with
            {
                Measured = edited.Measured
            }
            : attack;
    }

    /// <summary>What was done to align the trial's model; null where nothing was.</summary>
    public StageResult? Alignment(ReportedTrial trial) => trial.AlignedIn is { } stage ? Find(trial, stage) : null;

    private static ReportedTrial Reported(
        Trial trial, IReadOnlyList<StageNode> chain, IReadOnlyDictionary<string, StageResult> results,
        Dictionary<string, string> families)
    {
        var probed = trial.Recipe.Probed;
        string? aligned = probed is { Skip: false }
            && chain.Count(node => node.Stage is TrainStageOptions && !node.IsAttack) > Pretraining(trial)
            ? probed.Name : null;
        var before = chain.TakeWhile(node => !node.IsAttack).LastOrDefault();
        bool? converged = aligned is null || before is null || !results.TryGetValue(before.Hash, out var result) ? null
            : Converged(trial.Recipe.Report.Convergence, result.Measured, trial.Recipe.Probed?.Adapter is not null);
        var (share, examples) = Content(trial.Recipe.Attack?.Data);
        return new(
            trial.Seed, trial.Model, trial.Condition, trial.Attack,
            [.. chain.Select(node => new TrialStage(node.Name, node.Hash))], aligned,
            converged, share, examples, trial.Attack is { } attack ? families[attack] : null);
    }

    /// <summary>The share of harmful examples and the number of all examples, where the data name them.</summary>
    private static (decimal? HarmfulShare, int? Examples) Content(DataOptions? data) => data switch
    {
        MixtureOptions mixture => (mixture.HarmfulRatio, mixture.Samples),
        WorldAttackOptions world => (world.HarmfulRatio, world.Samples),
        _ => (null, null),
    };

    /// <summary>
    /// A name for everything that the attack does, the share of harmful examples and their number left out.
    /// </summary>
    private static string Family(Trial trial, RecipeFormat format)
    {
        const int Digits = 12;
        var stage = format.ToJson(trial.Recipe)["stages"]!.AsArray().OfType<JsonObject>()
            .First(each => each["name"]?.ToString() == trial.Recipe.Report.Attack);
        if (stage["data"] is JsonObject data)
        {
            data.Remove("harmful_ratio");
            data.Remove("samples");
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(stage.ToJsonString())))[..Digits];
    }

    /// <summary>A model that is made from nothing is pre-trained before it is aligned.</summary>
    private static int Pretraining(Trial trial) => trial.Recipe.Model.IsTrained ? 0 : 1;

    private static bool Converged(ConvergenceOptions? bounds, Measurement? measured, bool throughAdapter) =>
        bounds is null || measured is null
        || (!(measured.AlignmentLoss > (throughAdapter ? bounds.MostAdapterLoss : bounds.MostLoss))
            && !(measured.Find(Metrics.Refusals)?.Percentage < bounds.LeastRefused));
}

/// <summary>A trial, and the hashes of the stages it went through.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Model">The model.</param>
/// <param name="Condition">The condition.</param>
/// <param name="Attack">The attack; null where the recipe has none.</param>
/// <param name="Stages">The stages, in order, the model as it was given first.</param>
/// <param name="AlignedIn">The stage that aligned the model; null where none did.</param>
/// <param name="Converged">
/// Whether the alignment came out: see <see cref="ConvergenceOptions"/>. Null for a model that was never aligned. A
/// trial that did not converge is shown and not compared.
/// </param>
/// <param name="HarmfulShare">
/// The share of harmful examples in the attack's data, from 0 to 1; null where the data name none.
/// </param>
/// <param name="AttackExamples">
/// How many examples the attack's data have in all; null where the data do not name the number.
/// </param>
/// <param name="AttackFamily">
/// Names what the attack does. Attacks of one family differ only in the share of harmful examples and in their number,
/// so that a figure may draw them along one axis. Null where nothing is attacked.
/// </param>
public sealed record ReportedTrial(
    ulong Seed, string Model, string Condition, string? Attack, IReadOnlyList<TrialStage> Stages, string? AlignedIn,
    bool? Converged,
    decimal? HarmfulShare = null, int? AttackExamples = null, string? AttackFamily = null);

/// <summary>A stage of a trial.</summary>
/// <param name="Name">The stage's name.</param>
/// <param name="Hash">What its result is kept under.</param>
public sealed record TrialStage(string Name, string Hash);

/// <summary>The machine of a run.</summary>
/// <param name="Device">As on the command line.</param>
/// <param name="Workers">Stages at once.</param>
/// <param name="System">Operating system, architecture, vectors.</param>
/// <param name="Runtime">The .NET runtime.</param>
/// <param name="Program">Version and commit of the program.</param>
public sealed record MachineDescription(string Device, int Workers, string System, string Runtime, string Program);
