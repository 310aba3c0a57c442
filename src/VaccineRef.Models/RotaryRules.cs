namespace VaccineRef.Models;

/// <summary>
/// The rules of rotary embeddings that stretch by more than a factor. Each returns radians per position of a head's
/// pairs of columns. Source: Hugging Face modeling_rope_utils.py.
/// </summary>
public static class RotaryRules
{
    /// <summary>
    /// YaRN (Peng et al., arXiv 2309.00071): pairs that turn more than <paramref name="fast"/> times within the
    /// original context keep their frequency, those that turn less than <paramref name="slow"/> times have it divided
    /// by the factor, and a ramp over the pairs' numbers joins the two. <paramref name="wholePairs"/> rounds the ramp's
    /// ends outward to whole pairs.
    /// </summary>
    public static double[] Yarn(
        int headSize, double theta, double factor, double original, double fast, double slow, bool wholePairs)
    {
        // The pair, counted in columns, that turns so often within the original context.
        double Pair(double turns) =>
            headSize * Math.Log(original / (turns * 2 * Math.PI)) / (2 * Math.Log(theta));
        double low = Pair(fast), high = Pair(slow);
        if (wholePairs)
            (low, high) = (Math.Floor(low), Math.Ceiling(high));
        (low, high) = (Math.Max(low, 0), Math.Min(high, headSize - 1));
        if (low.Equals(high))
            high += 0.001;                                              // transformers' guard against a division by 0
        return
        [
            .. Plain(headSize, theta).Select((frequency, i) =>
            {
                double stretched = Math.Clamp((i - low) / (high - low), 0, 1);
                return (frequency / factor * stretched) + (frequency * (1 - stretched));
            }),
        ];
    }

    /// <summary>What YaRN multiplies queries and keys with, where the configuration does not say.</summary>
    public static double YarnAttention(double factor, double? mscale, double? mscaleAllDim)
    {
        double Of(double m) => factor <= 1 ? 1 : (0.1 * m * Math.Log(factor)) + 1;
        return mscale is > 0 and var some && mscaleAllDim is > 0 and var all ? Of(some) / Of(all) : Of(1);
    }

    /// <summary>
    /// Dynamic NTK scaling: the base grows with the sequence once it is longer than the context. Up to the context it
    /// is theta itself.
    /// </summary>
    public static double[] Dynamic(int headSize, double theta, double factor, double context, double length)
    {
        double growth = (factor * Math.Max(length, context) / context) - (factor - 1);
        return Plain(headSize, theta * Math.Pow(growth, headSize / (headSize - 2.0)));
    }

    /// <summary>
    /// LongRoPE (Ding et al., arXiv 2402.13753): every pair's frequency divided by a factor of its own.
    /// </summary>
    public static double[] LongRope(double theta, double[] factors) =>
        [.. Plain(2 * factors.Length, theta).Select((frequency, i) => frequency / factors[i])];

    /// <summary>What LongRoPE multiplies queries and keys with, where the configuration does not say.</summary>
    public static double LongRopeAttention(double factor, double original) =>
        factor <= 1 ? 1 : Math.Sqrt(1 + (Math.Log(factor) / Math.Log(original)));

    private static double[] Plain(int headSize, double theta) =>
        [.. Enumerable.Range(0, headSize / 2).Select(i => Math.Pow(theta, -2.0 * i / headSize))];
}
