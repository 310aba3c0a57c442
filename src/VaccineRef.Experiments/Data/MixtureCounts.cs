using System.Globalization;
using System.Numerics;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// How many of n rows are harmful if a share p is: exactly p n. The released code truncates two floating-point
/// products, so that p = 0.9 and n = 1000 give only 99 benign rows (docs/deviations.md, D19).
/// </summary>
/// <param name="Ratio">The share p, from 0 to 1.</param>
/// <param name="Harmful">The integer nearest to p n. Halves are rounded up.</param>
/// <param name="Benign">n - Harmful.</param>
/// <param name="Exact">Whether p n is an integer. If not, <paramref name="Harmful"/> is rounded.</param>
public sealed record MixtureCounts(decimal Ratio, int Harmful, int Benign, bool Exact)
{
    /// <summary>
    /// Computes the counts with integers of any size: the digits of the decimal number, divided by its power of ten.
    /// </summary>
    /// <exception cref="DataException">p is not between 0 and 1, or n is negative.</exception>
    public static MixtureCounts Of(decimal ratio, int total)
    {
        if (ratio is < 0 or > 1 || total < 0)
            throw new DataException(
                "a mixture of harmful and benign rows is impossible", field: "ratio",
                found: $"a share of {ratio.ToString(CultureInfo.InvariantCulture)} of {total} rows",
                expected: "0 to 1 of 0 rows or more");
        Span<int> bits = stackalloc int[4];     // 96 bits of digits, then the power of ten in bits 16-23
        decimal.GetBits(ratio, bits);
        var digits = ((BigInteger)(uint)bits[2] << 64) | ((BigInteger)(uint)bits[1] << 32) | (uint)bits[0];
        var scale = BigInteger.Pow(10, (bits[3] >> 16) & 0xFF);

        var harmful = BigInteger.DivRem(digits * total, scale, out var rest);
        if (2 * rest >= scale)
            harmful++;
        return new(ratio, (int)harmful, total - (int)harmful, rest.IsZero);
    }
}
