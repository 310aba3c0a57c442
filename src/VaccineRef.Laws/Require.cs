namespace VaccineRef.Laws;

/// <summary>Comparisons that say what was expected, what was found and what was allowed.</summary>
internal static class Require
{
    /// <summary>|expected - found| at most <paramref name="allowed"/>. NaN is never near anything.</summary>
    public static void Near(double expected, double found, double allowed, string what)
    {
        if (!(Math.Abs(expected - found) <= allowed))
            throw new LawBrokenException($"{what}: {expected:R} expected, {found:R} found, allowed {allowed:E1}");
    }

    /// <summary>Every element near.</summary>
    public static void Near(double[] expected, double[] found, double allowed, string what)
    {
        SameLength(expected.Length, found.Length, what);
        for (int i = 0; i < expected.Length; i++)
            Near(expected[i], found[i], allowed, $"{what}[{i}]");
    }

    /// <summary>The distance between two vectors.</summary>
    public static void Close(double[] expected, double[] found, double allowed, string what)
    {
        SameLength(expected.Length, found.Length, what);
        double distance = Numbers.Mix(1, expected, -1, found).Norm();
        if (!(distance <= allowed))
            throw new LawBrokenException(
                $"{what}: off by {distance:E2} in norm, allowed {allowed:E1}; expected norm {expected.Norm():R}, "
                + $"found {found.Norm():R}");
    }

    /// <summary>The same bits.</summary>
    public static void Same(double[] expected, double[] found, string what)
    {
        SameLength(expected.Length, found.Length, what);
        for (int i = 0; i < expected.Length; i++)
            if (!expected[i].Equals(found[i]))
                throw new LawBrokenException(
                    $"{what}[{i}]: {expected[i]:R} expected, {found[i]:R} found, equality demanded");
    }

    /// <summary>A condition.</summary>
    public static void That(bool holds, string otherwise)
    {
        if (!holds)
            throw new LawBrokenException(otherwise);
    }

    private static void SameLength(int expected, int found, string what) =>
        That(expected == found, $"{what}: {expected} elements expected, {found} found");
}

/// <summary>A law does not hold in one case. <see cref="Law{TSubject, TCase}.Run"/> turns it into a result.</summary>
internal sealed class LawBrokenException(string message) : Exception(message);
