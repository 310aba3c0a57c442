namespace VaccineRef.Verification.Conform;

/// <summary>A set of known defects that a trace equals.</summary>
/// <param name="Deviation">Its name and how well it fits.</param>
/// <param name="Variation">The reference with it; null where it was seen in the trace itself.</param>
internal sealed record FoundDeviation(Deviation Deviation, Variation? Variation);

/// <summary>
/// Recomputes a trace under each known defect and says which of them it equals; where none does, under two at once.
/// </summary>
internal sealed class HypothesisFit(
    LoadedCase @case, Trace trace, Precision precision, double lossScale, IReadOnlyDictionary<string, Values> own,
    IReadOnlyList<JudgedQuantity> judged)
{
    // Of each stage that is wrong by itself, as many candidates are tried together.
    private const int MostCandidates = 6;

    private readonly HashSet<string> _inQuestion = [.. judged.Where(row => !row.Passes)
        .Select(row => row.Quantity.Key)];

    /// <summary>All that fit.</summary>
    public IReadOnlyList<FoundDeviation> Find()
    {
        if (trace.Problems.Count > 0)
            return [];
        FoundDeviation[] single = [.. Hypotheses.All.Select(hypothesis => Try(hypothesis)).OfType<FoundDeviation>()];
        return single.Length > 0 ? single : Dropout() is { } dropout ? [dropout] : Pairs();
    }

    private FoundDeviation? Try(params ReadOnlySpan<Hypothesis> hypotheses)
    {
        var variation = Variation.Reference;
        double ownError = 0;
        foreach (var hypothesis in hypotheses)
            (variation, ownError) = (hypothesis.Apply(variation), ownError + hypothesis.OwnError);
        if (!Applies(variation))
            return null;
        var simulated = Simulation.Stream(@case, variation, lossScale);
        if (Judging.Fit(trace, simulated, precision, ownError, _inQuestion) is not { } error)
            return null;
        List<string> ids = [], titles = [], see = [];
        foreach (var hypothesis in hypotheses)
        {
            ids.Add(hypothesis.Id);
            titles.Add(hypothesis.Title);
            if (hypothesis.See is { } place)
                see.Add(place);
        }

        return new(
            new(string.Join(" + ", ids), string.Join("; and ", titles), error, see.Count > 0 ? string.Join(", ", see) : null), variation);
    }

    // Without an adapter there is no scale to get wrong; in front of an adapted projection the algebra is another.
    private bool Applies(Variation variation) =>
        @case.Rank is null ? variation.AdapterScale == 1 : !variation.BeforeProjection;

    /// <summary>
    /// Before the first site nothing is perturbed: there both passes of a port agree, unless it draws something anew in
    /// between.
    /// </summary>
    private FoundDeviation? Dropout()
    {
        foreach (string key in _inQuestion.Where(key => key.EndsWith("/p1/site0/raw", StringComparison.Ordinal)))
        {
            string second = key.Replace("/p1/", "/p2/", StringComparison.Ordinal);
            if (trace.Values.TryGetValue(second, out var found)
                && Difference.Between(found, trace.Values[key]) is { Problem: null } difference
                && difference.Relative > precision.AtLeast)
                return new(
                    new("dropout_anew", "dropout is on, and each pass draws its own mask", difference.Relative, "D7"),
                    null);
        }

        return null;
    }

    /// <summary>
    /// Two defects in two stages: of each stage the candidates that explain it given what the port had before.
    /// </summary>
    private IReadOnlyList<FoundDeviation> Pairs()
    {
        var stages = judged.Where(row => row.IsOwnFault).Select(row => row.Quantity.Stage).Distinct().ToArray();
        if (stages.Length < 2)
            return [];
        var candidates = stages.ToDictionary(stage => stage, _ => new List<Hypothesis>());
        foreach (var hypothesis in Hypotheses.All)
        {
            var variation = hypothesis.Apply(Variation.Reference);
            if (!Applies(variation))
                continue;
            var conditional = Simulation.Run(@case, variation, own, lossScale);
            foreach (var stage in stages)
                if (Explains(hypothesis, conditional, stage) && candidates[stage].Count < MostCandidates)
                    candidates[stage].Add(hypothesis);
        }

        return
        [
            .. from first in stages
               from second in stages
               where first < second
               from one in candidates[first]
               from other in candidates[second]
               where one != other
               let deviation = Try(one, other)
               where deviation is not null
               select deviation,
        ];
    }

    private bool Explains(Hypothesis hypothesis, IReadOnlyList<Quantity> conditional, Stage stage)
    {
        var faulty = judged.Where(row => row.Quantity.Stage == stage && row.IsOwnFault).Select(row => row.Quantity.Key)
            .ToHashSet();
        return Judging.Fit(
            trace, [.. conditional.Where(quantity => quantity.Stage == stage)], precision, hypothesis.OwnError,
            faulty) is not null;
    }
}

/// <summary>Finds a case of the kit on which deviations differ that one case cannot tell apart.</summary>
internal sealed class TellingApart(Core.Device device)
{
    /// <summary>The name of such a case; null where no case of the kit does.</summary>
    public string? Case(string kitFolder, string except, IReadOnlyList<FoundDeviation> found)
    {
        if (found.Any(deviation => deviation.Variation is null))
            return null;
        foreach (string folder in ConformKit.CaseFolders(kitFolder).Where(folder => Path.GetFileName(folder) != except))
        {
            using var @case = LoadedCase.Open<double>(folder, device);
            var precision = Precision.Of("float64", @case, []);
            var simulated = found.Select(deviation => Simulation.Run(@case, deviation.Variation!)).ToArray();
            if (Enumerable.Range(0, found.Count).All(i => Enumerable.Range(0, i).All(j =>
                Judging.Differ(simulated[i], simulated[j], precision))))
                return Path.GetFileName(folder);
        }

        return null;
    }
}
