using VaccineRef.Laws;

namespace VaccineRef.Verification.Tests;

/// <summary>The measures of golden comparisons are what their summaries say, for any numbers.</summary>
public sealed class MeasureLaws
{
    private const double Rounding = 1e-12;              // of sums of at most 8 numbers

    [Property]
    public void Relative_errors_are_over_the_expected_norm_and_absolute_ones_in_units(int seed)
    {
        var (found, expected, unit) = Draw(seed);
        double[] apart = [.. found.Numbers.Zip(expected.Numbers, (one, other) => Math.Abs(one - other))];
        double length = expected.Numbers.Norm();
        Require(apart.Norm() / (length > 0 ? length : unit), worst => worst.Relative(found, expected, "here", unit));
        Require(apart.Max() / unit, worst => worst.Absolute(found, expected, unit, "here"));
        Require(apart[0] / unit, worst => worst.Sum(found.Numbers[0], expected.Numbers[0], unit, "here", 1));
    }

    /// <summary>What cannot be compared is the worst there is: on either side, in either measure.</summary>
    [Property]
    public void What_is_no_number_or_of_other_extents_never_passes(int seed)
    {
        var (found, expected, unit) = Draw(seed);
        foreach (double broken in (double[])[double.NaN, double.PositiveInfinity, double.NegativeInfinity])
        {
            Values Broken(Values values) => values with { Numbers = [.. values.Numbers[1..], broken] };
            Refused(Broken(found), expected);
            Refused(found, Broken(expected));
            Refused(Broken(expected), Broken(expected));
        }

        Refused(expected with { Shape = [1, expected.Numbers.Length] }, expected);
        if (expected.Numbers.Length > 1)
            Refused(
                expected with { Shape = [1, expected.Numbers.Length] },
                expected with { Shape = [expected.Numbers.Length, 1] });

        void Refused(Values one, Values other)
        {
            RequireRefused(worst => worst.Relative(one, other, "here", unit));
            RequireRefused(worst => worst.Absolute(one, other, unit, "here"));
        }
    }

    private static (Values Found, Values Expected, double Unit) Draw(int seed)
    {
        var random = new System.Random(seed);
        int count = random.Next(1, 9);
        Values Numbers() =>
            Values.Vector([.. Enumerable.Range(0, count).Select(_ => random.Next(-1000, 1001) / 100.0)]);
        return (Numbers(), Numbers(), ((double[])[1e-4, 0.05, 1, 30])[random.Next(4)]);
    }

    private static void Require(double error, Action<Worst> measure)
    {
        var worst = new Worst();
        measure(worst);
        Assert.True(
            Math.Abs(worst.Error - error) <= Rounding * Math.Max(1, error),
            $"the error is {worst.Error}, expected {error}");
    }

    private static void RequireRefused(Action<Worst> measure)
    {
        var worst = new Worst();
        measure(worst);
        Assert.Equal(double.PositiveInfinity, worst.Error);
        Assert.StartsWith("here: ", worst.Where, StringComparison.Ordinal);        // and says why
    }
}
