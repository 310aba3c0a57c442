namespace VaccineRef.Verification.Conform;

/// <summary>How the passes of a step's parts become the one gradient that the optimizer sees.</summary>
internal static class PartSums
{
    /// <summary>
    /// The mean over the parts of each second pass's gradient, or of the first's if there is none; zero where it is
    /// held.
    /// </summary>
    public static IReadOnlyDictionary<string, Values> Of(
        IReadOnlyDictionary<string, Values> weights, StepPart[] parts, Variation variation, Projection projection,
        IReadOnlyList<IReadOnlyDictionary<string, Values>>? graph, IReadOnlyDictionary<string, Values>? before,
        ChosenLayers chosen)
    {
        var total = weights.ToDictionary(entry => entry.Key, entry => new double[entry.Value.Numbers.Length]);
        for (int j = 0; j < parts.Length; j++)
        {
            double weight = variation.Parts == PartSum.Sum ? 1
                : variation.Parts == PartSum.LastOnly && j < parts.Length - 1 ? 0 : 1.0 / parts.Length;
            var second = parts[j].Second is { } pass ? projection.Gradients(pass, parts[j].Epsilon) : null;
            Add(total, second ?? parts[j].First!.Gradients, weight);
            if (variation.FirstPassKept && second is not null)
                Add(total, parts[j].First!.Gradients, weight);
            if (graph is not null)
                Add(total, graph[j], weight);
        }

        if (variation.NeverZeroed && before is not null)
            Add(total, before, 1);
        return total.ToDictionary(entry => entry.Key, entry => weights[entry.Key] with
        {
            Numbers = chosen.Holds(entry.Key) && !variation.HeldTrained ? new double[entry.Value.Length] : entry.Value,
        });
    }

    /// <summary>
    /// Elements whose gradient is zero but for rounding, which Adam moves by up to the learning rate.
    /// </summary>
    public static bool[] Undecided(Values gradient, double whole)
    {
        double largest = gradient.Numbers.Max(Math.Abs);
        bool vanishes = gradient.Norm <= Difference.Vanishing * whole;
        return [.. gradient.Numbers.Select(value => vanishes || Math.Abs(value) <= 1e-3 * largest)];
    }

    private static void Add(
        Dictionary<string, double[]> total, IReadOnlyDictionary<string, Values> gradients, double weight)
    {
        foreach (var (name, sum) in total)
            for (int i = 0; i < sum.Length; i++)
                sum[i] += weight * gradients[name].Numbers[i];
    }
}
