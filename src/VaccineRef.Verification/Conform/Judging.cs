namespace VaccineRef.Verification.Conform;

/// <summary>One quantity of a trace, judged.</summary>
/// <param name="Quantity">What it should be.</param>
/// <param name="Tolerance">What it may be off by.</param>
/// <param name="EndToEnd">How far it is from the reference's.</param>
/// <param name="Conditional">How far it is from what the port's own preceding quantities imply.</param>
internal sealed record JudgedQuantity(Quantity Quantity, double Tolerance, Difference EndToEnd, Difference Conditional)
{
    // What the port had before is off by rounding, and what follows from it by some more: a quantity that is right end
    // to end is at fault only where it is clearly wrong given that.
    private const double Leeway = 10;

    public bool Passes => EndToEnd.Relative <= Tolerance;

    /// <summary>Whether it is wrong given what the port had before it: then its own computation is at fault.</summary>
    public bool IsOwnFault => !(Conditional.Relative <= (Passes ? Leeway : 1) * Tolerance);
}

/// <summary>Holds a trace against what it should be.</summary>
internal static class Judging
{
    /// <summary>Judges every quantity that the trace has, in causal order.</summary>
    public static IReadOnlyList<JudgedQuantity> Judge(
        Trace trace, IReadOnlyList<Quantity> reference, IReadOnlyList<Quantity> conditional, Precision precision)
    {
        var implied = conditional.ToDictionary(quantity => quantity.Key);
        List<JudgedQuantity> judged = [];
        foreach (var quantity in reference)
        {
            if (trace.Problems.TryGetValue(quantity.Key, out string? problem))
            {
                var wrong = new Difference(double.PositiveInfinity, Problem: problem);
                judged.Add(new(quantity, precision.Of(quantity), wrong, wrong));
            }
            else if (trace.Values.TryGetValue(quantity.Key, out var found))
            {
                judged.Add(new(
                    quantity, precision.Of(quantity), Compare(found, quantity, precision.IsLow),
                    Compare(found, implied[quantity.Key], precision.IsLow)));
            }
        }

        return judged;
    }

    /// <summary>Whether a trace has what a simulation says, wherever both have something.</summary>
    /// <returns>
    /// The worst difference over its tolerance where all hold, or null; and whether any quantity in question was held
    /// against it.
    /// </returns>
    public static double? Fit(
        Trace trace, IEnumerable<Quantity> simulated, Precision precision, double ownError,
        IReadOnlySet<string> inQuestion)
    {
        double worst = 0;
        bool explains = false;
        foreach (var quantity in simulated)
        {
            if (!trace.Values.TryGetValue(quantity.Key, out var found))
                continue;
            double error = Compare(found, quantity, precision.IsLow).Relative;
            if (!(error <= precision.Of(quantity) + ownError))
                return null;
            explains |= inQuestion.Contains(quantity.Key);
            worst = Math.Max(worst, error);
        }

        return explains ? worst : null;
    }

    /// <summary>Whether two simulations differ anywhere that a trace could show.</summary>
    public static bool Differ(IReadOnlyList<Quantity> one, IReadOnlyList<Quantity> other, Precision precision)
    {
        var second = other.ToDictionary(quantity => quantity.Key);
        return one.Count != other.Count || one.Any(quantity =>
            !second.TryGetValue(quantity.Key, out var there)
            || !(Compare(there.Values, quantity, precision.IsLow).Relative <= precision.Of(quantity)));
    }

    /// <summary>The difference on the elements that count.</summary>
    public static Difference Compare(Values found, Quantity quantity, bool low)
    {
        var expected = quantity.Values;
        if (!found.Shape.SequenceEqual(expected.Shape))
            return Difference.Between(found, expected);
        if (quantity is { Batch: { } batch, WithPadding: false })
            (found, expected) = (WithoutPadding(found, batch), WithoutPadding(expected, batch));
        if (low && quantity.Undecided is { } undecided)
            found = found with { Numbers = [.. found.Numbers.Select((value, i) => undecided[i] && double.IsFinite(value) ? expected.Numbers[i] : value)] };
        return Difference.Between(found, expected, quantity.Scale);
    }

    /// <summary>The same with zeros at padding, so that an index is still one of the padded batch.</summary>
    private static Values WithoutPadding(Values values, PaddedBatch batch)
    {
        int columns = (int)values.Shape[^1];
        return values.Numbers.Length == batch.Mask.Count * columns
            ? values with
            {
                Numbers = [.. values.Numbers.Select((value, i) => batch.Mask[i / columns] != 0 ? value : 0)]
            }
            : values;
    }
}
