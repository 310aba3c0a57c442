using VaccineRef.Experiments.Evaluation;
using VaccineRef.Reporting.Statistics;

namespace VaccineRef.Reporting;

/// <summary>
/// Finds what goes with a high harmful score, where the recipe asks for the geometry of the drift or for sharpness.
/// </summary>
internal sealed class Associations(TrialIndex trials)
{
    // points of a correlation: of five in a random order, one in sixty is at +-1
    private const int Least = 5;

    private static readonly (string Name, bool Before, Func<Measurement, double?> Of)[] Quantities =
    [
        ("alignment loss", true, measured => measured.AlignmentLoss),
        ("margin of the refusal", true, measured => measured.HarmfulLoss - measured.RefusalLoss),
        ("sharpness", true, measured => measured.Sharpness),
        ("‖e‖", true, measured => measured.HiddenNorm),
        ("drift", false, measured => measured.Drift?.PerToken),
        ("drift / ‖e‖", false, measured => measured.Drift?.PerToken / measured.HiddenNorm),
        ("effective rank of the drift", false, measured => measured.DriftGeometry?.MeanRank()),
        ("cosine of drift and df/de", false, measured => measured.DriftGeometry?.Cosine),
    ];

    private readonly string[] _attacks = [.. trials.Attacks.Where(trials.IsHarmful)];

    /// <summary>Every quantity of every model; none where neither was measured.</summary>
    public IReadOnlyList<Association> All() => _attacks.Length == 0 || !IsAskedFor() ? [] :
    [
        .. from model in trials.Models
           from quantity in Quantities
           let association = Of(model, quantity.Name, quantity.Before, quantity.Of)
           where association.HasAny
           select association,
    ];

    private bool IsAskedFor() => trials.Report.Stages.Values
        .Any(stage => stage.Measured is { DriftGeometry: not null } or { Sharpness: not null });

    private Association Of(string model, string name, bool before, Func<Measurement, double?> of)
    {
        double[] perSeed = [.. trials.Seeds.Order().Select(seed => AcrossConditions(seed, model, before, of))
            .OfType<double>()];
        var (x, y) = OverSeeds(model, before, of);
        double? across = x.Length >= Least ? RankCorrelation.Of(x, y) : null;
        return new(
            model, name, before, perSeed.Length > 0 ? Estimate.Of(perSeed, Analysis.Resampling) : null, across,
            across is null ? null : RankCorrelation.PermutationP(x, y, Analysis.Resampling), x.Length);
    }

    private double? AcrossConditions(ulong seed, string model, bool before, Func<Measurement, double?> of)
    {
        double[] found =
        [
            .. _attacks.Select(attack =>
            {
                var pairs = Conditions(seed, model, before)
                    .Select(condition => Pair(seed, model, condition, attack, before, of))
                    .OfType<(double X, double Y)>().ToArray();
                return pairs.Length >= Least
                    ? RankCorrelation.Of([.. pairs.Select(pair => pair.X)], [.. pairs.Select(pair => pair.Y)])
                    : null;
            }).OfType<double>(),
        ];
        return found.Length > 0 ? found.Average() : null;
    }

    /// <summary>
    /// What is compared. Methods of the fine-tuning that begin with one alignment share all that is known before it,
    /// and of those only the first says something about it.
    /// </summary>
    private IEnumerable<string> Conditions(ulong seed, string model, bool before) => before
        ? trials.Conditions.DistinctBy(condition => trials.Find(seed, model, condition, null)?.Result.Hash ?? condition)
        : trials.Conditions;

    private (double[] X, double[] Y) OverSeeds(string model, bool before, Func<Measurement, double?> of)
    {
        if (trials.Report.Options.Primary is not { } primary)
            return ([], []);
        var differences = (
            from seed in trials.Seeds.Order()
            let pairs = _attacks.Select(attack => (
                First: Pair(seed, model, primary, attack, before, of),
                Second: Pair(seed, model, trials.Control, attack, before, of))).ToArray()
            where pairs.All(pair => pair.First is not null && pair.Second is not null)
            select (X: pairs.Average(pair => pair.First!.Value.X - pair.Second!.Value.X),
                Y: pairs.Average(pair => pair.First!.Value.Y - pair.Second!.Value.Y)))
            .ToArray();
        return ([.. differences.Select(each => each.X)], [.. differences.Select(each => each.Y)]);
    }

    /// <summary>
    /// The quantity and HS after an attack; null if one is missing, or if the alignment did not converge.
    /// </summary>
    private (double X, double Y)? Pair(
        ulong seed, string model, string condition, string attack, bool before, Func<Measurement, double?> of)
    {
        if (trials.Find(seed, model, condition, attack) is not { Converged: not false, Result.Measured: { } after } found
            || ReportMetric.HarmfulScore.Of(found.Result) is not { } harm)
            return null;
        var measured = before ? trials.Find(seed, model, condition, null)?.Result.Measured : after;
        return measured is not null && of(measured) is { } value && double.IsFinite(value) ? (value, harm) : null;
    }
}
