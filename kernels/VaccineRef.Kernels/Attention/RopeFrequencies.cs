using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>The rules that stretch rotary position embeddings to a longer context.</summary>
public enum RopeScalingKind
{
    /// <summary>
    /// Every frequency is divided by the factor, so that positions are interpolated (Chen et al., arXiv 2306.15595).
    /// </summary>
    Linear,

    /// <summary>
    /// The rule of Llama 3.1: low frequencies are divided by the factor, high frequencies are kept, and those between
    /// are blended.
    /// </summary>
    Llama3,
}

/// <summary>
/// The "rope_scaling" of a Hugging Face configuration. Only <see cref="RopeScalingKind.Llama3"/> uses more than the
/// factor.
/// </summary>
/// <param name="Kind">Which rule applies: "rope_type", formerly "type".</param>
/// <param name="Factor">"factor", at least 1.</param>
/// <param name="LowFrequencyFactor">"low_freq_factor".</param>
/// <param name="HighFrequencyFactor">"high_freq_factor".</param>
/// <param name="OriginalContext">"original_max_position_embeddings".</param>
public sealed record RopeScaling(
    RopeScalingKind Kind, double Factor, double LowFrequencyFactor = 1, double HighFrequencyFactor = 4,
    int OriginalContext = 8192);

/// <summary>
/// The angles per position of rotary position embeddings. Source: Hugging Face modeling_rope_utils.py.
/// </summary>
public static class RopeFrequencies
{
    /// <summary>
    /// Computes theta^(-2 i / headSize) for every i below headSize / 2, in radians per position, and scales it as
    /// asked.
    /// </summary>
    /// <param name="headSize">Number of channels of a head, which is even.</param>
    /// <param name="theta">The base, "rope_theta": 10000 for Llama 2.</param>
    /// <param name="scaling">How to stretch the positions; null for not at all.</param>
    /// <exception cref="InputException">The head size is odd, or a setting is out of range.</exception>
    public static double[] Compute(int headSize, double theta, RopeScaling? scaling = null)
    {
        if (headSize < 2 || headSize % 2 != 0)
            throw new InputException(
                "a rotary head needs an even number of channels", "head size", $"{headSize}", "2, 4, 6, ...");
        if (!(theta > 0))
            throw new InputException("rotary frequencies need a positive base", "rope_theta", $"{theta}", "above 0");
        if (scaling is not null && !(scaling.Factor >= 1))
            throw new InputException(
                "rotary scaling stretches", "rope_scaling.factor", $"{scaling.Factor}", "at least 1");
        if (scaling is { Kind: RopeScalingKind.Llama3 } llama
            && !(llama.HighFrequencyFactor > llama.LowFrequencyFactor))
            throw new InputException(
                "the band of rotary frequencies to blend is empty", "rope_scaling.high_freq_factor",
                $"{llama.HighFrequencyFactor}", $"above low_freq_factor, {llama.LowFrequencyFactor}");
        var frequencies = new double[headSize / 2];
        for (int i = 0; i < frequencies.Length; i++)
        {
            double plain = Math.Pow(theta, -2.0 * i / headSize);
            frequencies[i] = scaling?.Kind switch
            {
                null => plain,
                RopeScalingKind.Linear => plain / scaling.Factor,
                _ => Llama3(plain, scaling),
            };
        }

        return frequencies;
    }

    private static double Llama3(double frequency, RopeScaling s)
    {
        double turns = s.OriginalContext * frequency / (2 * Math.PI);          // within the original context
        if (turns < s.LowFrequencyFactor)
            return frequency / s.Factor;
        if (turns > s.HighFrequencyFactor)
            return frequency;
        double smooth = (turns - s.LowFrequencyFactor) / (s.HighFrequencyFactor - s.LowFrequencyFactor);
        return ((1 - smooth) * frequency / s.Factor) + (smooth * frequency);
    }
}
