using System.Text.Json.Serialization;
using VaccineRef.Reporting.Statistics;

namespace VaccineRef.Reporting;

/// <summary>
/// What a condition holds against a sweep of attacks: the worst of them on each seed (<see cref="SweepOutcome"/>), over
/// seeds.
/// </summary>
/// <param name="Model">The model.</param>
/// <param name="Condition">The condition.</param>
/// <param name="HarmfulScore">
/// The highest HS within the guard, in %; null where on every seed all attacks are outside of it.
/// </param>
/// <param name="CoherentHarm">The highest coherent harm within the guard, in %.</param>
/// <param name="MeanHarmfulScore">The mean HS over all attacks, in %.</param>
/// <param name="Accuracy">The mean FA over all attacks, in %.</param>
/// <param name="PassesPerStep">
/// Forward and reverse passes in a step of the alignment, and in one of the fine-tuning, together; the mean over
/// attacks and seeds.
/// </param>
/// <param name="PeakBytes">The most memory at once, in the alignment or in the fine-tuning.</param>
/// <param name="Seeds">
/// What was found seed by seed, where every attack was computed and the alignment converged.
/// </param>
public sealed record WorstCase(
    string Model, string Condition, Estimate? HarmfulScore, Estimate? CoherentHarm, Estimate MeanHarmfulScore,
    Estimate Accuracy,
    double PassesPerStep, long PeakBytes, IReadOnlyList<SweepOutcome> Seeds)
{
    /// <summary>
    /// The place of the condition where lower is better in every coordinate: worst HS, FA (its negative), passes,
    /// memory. Null without a worst case.
    /// </summary>
    [JsonIgnore]
    public double[]? Place => HarmfulScore is { } worst ? [worst.Mean, -Accuracy.Mean, PassesPerStep, PeakBytes] : null;

    /// <summary>The attacks that are outside of the guard on some seed, with the number of those seeds.</summary>
    [JsonIgnore]
    public IEnumerable<(string Attack, int Seeds)> Outside =>
        Seeds.SelectMany(seed => seed.Outside).GroupBy(attack => attack).Select(group => (group.Key, group.Count()));

    /// <summary>
    /// The attack that is the worst on most seeds, with their number; null where none is within the guard.
    /// </summary>
    [JsonIgnore]
    public (string Attack, int Seeds)? Worst => Seeds.Select(seed => seed.WorstAttack).OfType<string>()
        .GroupBy(attack => attack)
        .Select(group => ((string, int)?)(group.Key, group.Count())).MaxBy(each => each!.Value.Item2);
}

/// <summary>
/// A condition that is at least as good as another in worst HS, FA, passes and memory, and better in one, on means.
/// </summary>
/// <param name="Model">The model.</param>
/// <param name="Better">The condition that dominates.</param>
/// <param name="Worse">The condition that is dominated.</param>
/// <param name="Settled">Whether the 95 % intervals over seeds of the worst HS, or those of FA, do not overlap.</param>
public sealed record Domination(string Model, string Better, string Worse, bool Settled);
