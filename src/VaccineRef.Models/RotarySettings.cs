using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// The base and the stretching of rotary embeddings, in any of the three spellings of Hugging Face: rope_theta beside
/// rope_scaling with "type", the same with "rope_type", and transformers 5's rope_parameters, which holds both.
/// </summary>
internal static class RotarySettings
{
    private static readonly string[] Known =
    [
        "type", "rope_type", "rope_theta", "factor", "low_freq_factor", "high_freq_factor",
        "original_max_position_embeddings", "partial_rotary_factor",
    ];

    /// <summary>Radians per position of a head's pairs of columns.</summary>
    /// <exception cref="CheckpointException">The kind of stretching is not implemented; names it.</exception>
    public static double[] Frequencies(ConfigReader config, int headSize)
    {
        config.RequireAbsentOrEqual("partial_rotary_factor", 1.0);
        const double Theta = 10000;
        var parameters = config.Section("rope_parameters");
        var theta = (parameters ?? config).Positive("rope_theta", config.Positive("rope_theta", Theta));
        return RopeFrequencies.Compute(headSize, theta, Scaling(parameters ?? config.Section("rope_scaling")));
    }

    private static RopeScaling? Scaling(ConfigReader? section)
    {
        if (section is null)
            return null;
        section.RequireAbsentOrEqual("partial_rotary_factor", 1.0);
        string key = section.Has("rope_type") ? "rope_type" : "type";
        string kind = section.String(key, "default");
        if (kind is not ("default" or "linear" or "llama3"))
            throw section.Unsupported(key, "default, linear or llama3");
        foreach (string other in section.Keys.Except(Known))
            section.RequireEmpty(other);
        return kind switch
        {
            "linear" => new(RopeScalingKind.Linear, section.Double("factor")),
            "llama3" => new(
                RopeScalingKind.Llama3, section.Double("factor"), section.Double("low_freq_factor"),
                section.Double("high_freq_factor"), section.Size("original_max_position_embeddings")),
            _ => null,
        };
    }
}
