using System.Numerics;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>Draws a token according to the logits.</summary>
internal static class TokenChoice
{
    /// <summary>
    /// Draws a token with probability proportional to exp(logit / temperature), among the top k tokens, and of those
    /// among the top p. Of equal logits the lower id ranks first. Sums are computed in double, and a single uniform
    /// number decides. Returns -1 if a logit is NaN.
    /// </summary>
    public static int Draw<T>(ReadOnlySpan<T> logits, GenerationOptions settings, double uniform)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int best = GreedyToken<T>.Of(logits);
        if (best < 0)
            return best;
        double top = double.CreateChecked(logits[best]);
        // relative to the largest, so that nothing overflows
        var weights = new double[logits.Length];
        for (int id = 0; id < weights.Length; id++)
            weights[id] = Math.Exp((double.CreateChecked(logits[id]) - top) / settings.Temperature);
        int[] ids = [.. Enumerable.Range(0, weights.Length)];
        if (settings.TopK > 0 || settings.TopP < 1)
            ids = [.. ids.OrderByDescending(id => weights[id])];       // the sort is stable, so the lower id comes first
        if (settings.TopK > 0 && settings.TopK < ids.Length)
            ids = ids[..settings.TopK];
        double sum = ids.Sum(id => weights[id]), reached = 0;
        int kept = 0;
        while (kept < ids.Length && reached < settings.TopP * sum)
            reached += weights[ids[kept++]];
        return Pick(ids.AsSpan(0, kept), weights, uniform * reached);
    }

    private static int Pick(ReadOnlySpan<int> ids, double[] weights, double threshold)
    {
        double sum = 0;
        int last = ids[0];
        foreach (int id in ids)
        {
            if (weights[id] == 0)
                continue;
            sum += weights[last = id];
            if (sum > threshold)
                return id;
        }

        return last;                                                   // rounding left the threshold just above the sum
    }
}
