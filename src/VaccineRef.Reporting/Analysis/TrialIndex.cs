using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;

namespace VaccineRef.Reporting;

/// <summary>What was found of a trial's model at one moment.</summary>
/// <param name="Result">The stage that the model had gone through last.</param>
/// <param name="Converged">Whether its alignment came out; null for a model that was never aligned.</param>
internal sealed record Found(StageResult Result, bool? Converged);

/// <summary>
/// Finds trials of a report by what they are called. A report of which only a part is finished has an index as well.
/// </summary>
internal sealed class TrialIndex
{
    private readonly ILookup<(ulong Seed, string Model, string Condition), ReportedTrial> _trials;
    private readonly HashSet<string> _aligned;

    /// <summary>Indexes a report.</summary>
    public TrialIndex(ExperimentReport report)
    {
        Report = report;
        _trials = report.Trials.ToLookup(trial => (trial.Seed, trial.Model, trial.Condition));
        _aligned = [.. report.Trials.Where(trial => trial.AlignedIn is not null).Select(trial => trial.Condition)];
        (Seeds, Models, Conditions, Attacks) = (report.Seeds, report.Models, report.Conditions, report.Attacks);
    }

    /// <summary>The report.</summary>
    public ExperimentReport Report { get; }

    /// <summary>The seeds, in order.</summary>
    public IReadOnlyList<ulong> Seeds { get; }

    /// <summary>The models, in order.</summary>
    public IReadOnlyList<string> Models { get; }

    /// <summary>The conditions, in order.</summary>
    public IReadOnlyList<string> Conditions { get; }

    /// <summary>The attacks, in order.</summary>
    public IReadOnlyList<string> Attacks { get; }

    /// <summary>The condition that all others are compared with; empty in a report without trials.</summary>
    public string Control => Report.Options.Control ?? (Conditions is [var first, ..] ? first : "");

    /// <summary>Every row of the tables: each model's conditions.</summary>
    public IEnumerable<(string Model, string Condition)> Rows =>
        Models.SelectMany(model => Conditions.Select(condition => (model, condition)));

    /// <summary>Whether the model is one of the synthetic world's, for which everything is made by code.</summary>
    public bool IsOfTheWorld =>
        Report.Recipe["model"] is System.Text.Json.Nodes.JsonObject model && model["kind"]?.ToString() == "world";

    /// <summary>Whether a condition aligns its models.</summary>
    public bool IsAligned(string condition) => _aligned.Contains(condition);

    /// <summary>Whether an attack holds harmful data, as far as its data tell.</summary>
    public bool IsHarmful(string attack) => TrialOf(attack)?.HarmfulShare != 0;

    /// <summary>A trial of an attack: every one has the same share and number of examples.</summary>
    public ReportedTrial? TrialOf(string attack) => Report.Trials.FirstOrDefault(trial => trial.Attack == attack);

    /// <summary>
    /// The model after an attack, or before any where <paramref name="attack"/> is null; null where it was not
    /// computed.
    /// </summary>
    public Found? Find(ulong seed, string model, string condition, string? attack)
    {
        var trials = _trials[(seed, model, condition)];
        if (attack is null)
            return Before(trials);
        return trials.FirstOrDefault(trial => trial.Attack == attack) is { } trial
            && Report.Attacked(trial) is { } result
            ? new(result, trial.Converged) : null;
    }

    /// <summary>What <see cref="Find"/> finds on every seed that has it.</summary>
    public Found[] OverSeeds(string model, string condition, string? attack) =>
        [.. Seeds.Select(seed => Find(seed, model, condition, attack)).OfType<Found>()];

    /// <summary>The training that aligned the model, on every seed on which it is finished.</summary>
    public StageResult[] Alignments(string model, string condition) =>
    [
        .. Seeds.Select(
            seed => _trials[(seed, model, condition)].Select(Report.Alignment).OfType<StageResult>().FirstOrDefault())
            .OfType<StageResult>(),
    ];

    /// <summary>Whether the alignments of a condition came out, on every seed on which they are finished.</summary>
    public bool[] Converged(string model, string condition) =>
    [
        .. from seed in Seeds
           let known = _trials[(seed, model, condition)].Select(trial => trial.Converged).OfType<bool>().ToArray()
           where known.Length > 0
           select known.All(converged => converged),
    ];

    /// <summary>
    /// The model before its attacks. Where attacks begin with different models there is no such model, because then a
    /// column of the table changes more than the attack.
    /// </summary>
    private Found? Before(IEnumerable<ReportedTrial> trials)
    {
        var found = trials.Select(trial => (Result: Report.Aligned(trial), trial.Converged))
            .Where(each => each.Result is not null)
            .DistinctBy(each => each.Result!.Hash).Take(2).ToArray();
        return found.Length == 1 ? new(found[0].Result!, found[0].Converged) : null;
    }
}
