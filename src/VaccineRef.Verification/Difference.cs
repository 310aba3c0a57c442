namespace VaccineRef.Verification;

/// <summary>
/// How far numbers are from what they should be: the one comparison of golden verification and of conformance. What
/// cannot be compared, since it is empty, has other extents or is not finite, is a difference without bound and says
/// so.
/// </summary>
/// <param name="Relative">||found - expected|| / ||expected||; infinite where there is a problem.</param>
/// <param name="Cosine">Of the angle between the two; NaN where one of them is zero.</param>
/// <param name="NormRatio">||found|| / ||expected||; NaN where expected is zero.</param>
/// <param name="WorstIndex">The element with the greatest difference; null for a scalar.</param>
/// <param name="Problem">Why the numbers could not be compared, if so.</param>
public sealed record Difference(
    double Relative, double Cosine = double.NaN, double NormRatio = double.NaN, string? WorstIndex = null,
    string? Problem = null)
{
    /// <summary>
    /// Below this part of the scale expected numbers count as truly zero: rounding noise has no relative error.
    /// </summary>
    public const double Vanishing = 1e-6;

    /// <summary>Compares.</summary>
    /// <param name="found">What is there.</param>
    /// <param name="expected">What should be.</param>
    /// <param name="scale">What a difference is divided by where expected is zero but for rounding.</param>
    public static Difference Between(Values found, Values expected, double scale = 0)
    {
        if (!found.Shape.SequenceEqual(expected.Shape))
            return Incomparable($"it has the shape {found.Extents}, expected {expected.Extents}");
        if (found.Numbers.Length != expected.Numbers.Length)
            return Incomparable($"it has {found.Numbers.Length} elements, expected {expected.Numbers.Length}");
        if (expected.Numbers.Length == 0)
            return Incomparable("it is empty, so that nothing was compared");
        return FirstNonFinite(found) is { } wrong ? Incomparable($"element {wrong} is {Format(found, wrong)}")
            : FirstNonFinite(expected) is { } golden ? Incomparable(
                $"expected element {golden} is {Format(expected, golden)}")
            : Measure(found, expected, scale);
    }

    /// <summary>The index of an element among these extents, "[0, 3, 7]".</summary>
    public static string IndexText(IReadOnlyList<long> shape, long flat)
    {
        var index = new long[shape.Count];
        for (int axis = shape.Count - 1; axis >= 0; axis--)
            (flat, index[axis]) = Math.DivRem(flat, Math.Max(1, shape[axis]));
        return $"[{string.Join(", ", index)}]";
    }

    private static Difference Measure(Values found, Values expected, double scale)
    {
        double difference = 0, dot = 0, worst = -1;
        int at = 0;
        for (int i = 0; i < expected.Numbers.Length; i++)
        {
            double error = found.Numbers[i] - expected.Numbers[i];
            difference += error * error;
            dot += found.Numbers[i] * expected.Numbers[i];
            if (Math.Abs(error) > worst)
                (worst, at) = (Math.Abs(error), i);
        }

        double norm = expected.Norm, foundNorm = found.Norm, length = Math.Sqrt(difference);
        double divisor = norm > Vanishing * scale ? norm : scale;
        double relative = length == 0 ? 0 : length / divisor;
        return new(
            double.IsNaN(relative) ? double.PositiveInfinity : relative, dot / (norm * foundNorm), foundNorm / norm,
            expected.Shape.IsEmpty ? null : IndexText(expected.Shape, at));
    }

    private static Difference Incomparable(string problem) => new(double.PositiveInfinity, Problem: problem);

    private static int? FirstNonFinite(Values values) =>
        Array.FindIndex(values.Numbers, value => !double.IsFinite(value)) is >= 0 and var index ? index : null;

    private static string Format(Values values, int index) =>
        FormattableString.Invariant($"{values.Numbers[index]}");
}
