using VaccineRef.Core;

namespace VaccineRef.Reporting.Statistics;

/// <summary>Two methods on the same seeds: what the first has more than the second.</summary>
/// <param name="Difference">Mean over seeds of first minus second, with its interval.</param>
/// <param name="Lower">Seeds where the first is lower.</param>
/// <param name="Higher">Seeds where the first is higher.</param>
/// <param name="SignP">Exact two-sided sign test.</param>
/// <param name="PermutationP">Two-sided sign-flip permutation test of the mean.</param>
public sealed record PairedDifference(Estimate Difference, int Lower, int Higher, double SignP, double PermutationP)
{
    /// <summary>Seeds where the two are equal.</summary>
    public int Equal => Difference.Seeds - Lower - Higher;

    /// <summary>The smallest p that so many seeds can give, whatever the data: 2 / 2^n.</summary>
    public double LeastPossibleP => Math.ScaleB(1, 1 - Difference.Seeds);

    /// <summary>Compares values of the same seeds in the same order.</summary>
    /// <exception cref="InputException">There are no seeds, or not the same number of them.</exception>
    public static PairedDifference Of(ReadOnlySpan<double> first, ReadOnlySpan<double> second, RandomStream random)
    {
        if (first.Length != second.Length)
            throw new InputException(
                "a paired comparison needs the same seeds", "seeds", $"{first.Length} and {second.Length}",
                "as many on both sides");
        var differences = new double[first.Length];
        for (int seed = 0; seed < differences.Length; seed++)
            differences[seed] = first[seed] - second[seed];
        return new(
            Estimate.Of(differences, random.At("bootstrap")), differences.Count(value => value < 0),
            differences.Count(value => value > 0), ExactTest.Sign(differences),
            ExactTest.Permutation(differences, random.At("permutation")));
    }
}
