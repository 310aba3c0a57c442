using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>How a model's queries and keys turn.</summary>
/// <param name="Frequencies">Radians per position of a head's pairs of columns.</param>
/// <param name="Attention">What queries and keys are multiplied with besides; 1 for most rules.</param>
/// <param name="Context">The longest sequence for which this holds.</param>
internal sealed record RotaryEmbedding(double[] Frequencies, double Attention, int Context)
{
    /// <summary>
    /// What the scores of attention are multiplied with; null for the usual 1 / sqrt(headSize). Queries and keys are
    /// each multiplied, so the factor counts twice.
    /// </summary>
    public double? ScoreScale =>
        Attention.Equals(1.0) ? null : Attention * Attention / Math.Sqrt(2 * Frequencies.Length);
}

/// <summary>
/// The base and the stretching of rotary embeddings, wherever and however transformers 4 and 5 write them; see
/// <see cref="RotaryPlaces"/>.
/// </summary>
internal static class RotarySettings
{
    private const string
        Theta = "rope_theta", Factor = "factor", Original = "original_max_position_embeddings",
        Attention = "attention_factor", Partial = "partial_rotary_factor";

    private static readonly string[] Always = ["rope_type", "type", Theta, Partial, Original];

    private static readonly Dictionary<string, string[]> Keys = new()
    {
        ["default"] = [],
        ["linear"] = [Factor],
        ["dynamic"] = [Factor],
        ["llama3"] = [Factor, "low_freq_factor", "high_freq_factor"],
        ["yarn"] = [Factor, Attention, "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "truncate"],
        ["longrope"] = [Factor, Attention, "short_factor", "long_factor"],
    };

    /// <summary>Reads the settings for heads of a size, in a model of a context.</summary>
    /// <exception cref="CheckpointException">
    /// The rule is not implemented, a setting of it is missing or cannot be, or two places disagree.
    /// </exception>
    public static RotaryEmbedding Read(ConfigReader config, int headSize, int context)
    {
        string size = config.Has("head_dim") ? "head_dim" : "hidden_size";
        if (headSize > ModelSettings.MostHeadColumns)
            throw new CheckpointException(
                "heads have more columns than any model's", config.File, size, $"{headSize} columns",
                $"at most {ModelSettings.MostHeadColumns}");
        if (headSize % 2 != 0)
            throw new CheckpointException(
                "the columns of a head turn in pairs", config.File, size, $"heads of {headSize} columns",
                "an even number of them");
        var places = new RotaryPlaces(config);
        if (places.Number(Partial, atTop: true) is { } share && !share.Equals(1.0))
            throw places.Unsupported(Partial, "1");
        string kind = places.Kind() ?? "default";
        if (!Keys.TryGetValue(kind, out string[]? keys))
            throw places.UnknownKind(string.Join(", ", Keys.Keys));
        places.AllowOnly([.. Always, .. keys]);
        double theta = Positive(places, Theta, atTop: true) ?? 10000;
        double? original = places.Number(Original, atTop: true);
        if (original is { } length && !(length >= 1 && length <= int.MaxValue && Math.Floor(length).Equals(length)))
            throw places.Unsupported(Original, "a whole number, 1 or more");
        return kind switch
        {
            "yarn" => Yarn(places, headSize, theta, context, original),
            "dynamic" => Dynamic(places, headSize, theta, context, original),
            "longrope" => LongRope(places, headSize, theta, context, original),
            _ => new(RopeFrequencies.Compute(headSize, theta, Scaling(places, kind, original)), 1, context),
        };
    }

    private static RopeScaling? Scaling(RotaryPlaces places, string kind, double? original) => kind switch
    {
        "linear" => new(RopeScalingKind.Linear, Stretch(places)),
        "llama3" => new(
            RopeScalingKind.Llama3, Stretch(places), Needed(places, "low_freq_factor"),
            Needed(places, "high_freq_factor"), (int)(original ?? throw places.Missing(Original, "a whole number"))),
        _ => null,
    };

    private static RotaryEmbedding Yarn(
        RotaryPlaces places, int headSize, double theta, int context, double? original)
    {
        double trained = original ?? context;
        double factor = places.Number(Factor) is null && original is not null
            ? Math.Max(1, context / trained)
            : Stretch(places);
        double fast = Positive(places, "beta_fast") ?? 32, slow = Positive(places, "beta_slow") ?? 1;
        if (!(fast > slow))
            throw places.Unsupported("beta_fast", $"above beta_slow, {slow:R}");
        double attention = Positive(places, Attention)
            ?? RotaryRules.YarnAttention(factor, places.Number("mscale"), places.Number("mscale_all_dim"));
        RequireTwoPairs(places, headSize);
        return new(
            RotaryRules.Yarn(headSize, theta, factor, trained, fast, slow, places.Flag("truncate") ?? true), attention,
            context);
    }

    // The base grows with sequences beyond the context, and no sequence is longer here.
    private static RotaryEmbedding Dynamic(
        RotaryPlaces places, int headSize, double theta, int context, double? original)
    {
        if (original is { } trained && !trained.Equals(context))
            throw places.Unsupported(Original, $"max_position_embeddings, {context}, or nothing");
        RequireTwoPairs(places, headSize);
        return new(
            RotaryRules.Dynamic(headSize, theta, Stretch(places), context, length: context), 1, context);
    }

    // A sequence longer than the original context would turn by the long factors: the context ends there.
    private static RotaryEmbedding LongRope(
        RotaryPlaces places, int headSize, double theta, int context, double? original)
    {
        double[] Factors(string key) =>
            places.Numbers(key) is not { } factors ? throw places.Missing(key, $"{headSize / 2} numbers")
            : factors.Length == headSize / 2 && factors.All(factor => factor > 0) ? factors
            : throw places.Unsupported(key, $"{headSize / 2} numbers above 0, one for each pair of columns");
        RequireTwoPairs(places, headSize);
        double[] factors = Factors("short_factor");
        _ = Factors("long_factor");
        double trained = original ?? context;
        double factor = original is null ? places.Number(Factor) ?? 1 : context / trained;
        double attention = Positive(places, Attention) ?? RotaryRules.LongRopeAttention(factor, trained);
        return new(RotaryRules.LongRope(theta, factors), attention, (int)Math.Min(context, trained));
    }

    private static void RequireTwoPairs(RotaryPlaces places, int headSize)
    {
        if (headSize < 4)
            throw places.Unsupported("head_dim", "4 or more");
    }

    private static double Stretch(RotaryPlaces places) =>
        Needed(places, Factor) is >= 1 and var factor ? factor : throw places.Unsupported(Factor, "1 or more");

    private static double Needed(RotaryPlaces places, string key) =>
        places.Number(key) ?? throw places.Missing(key, "a number");

    private static double? Positive(RotaryPlaces places, string key, bool atTop = false) =>
        places.Number(key, atTop) is not { } value ? null
        : value > 0 ? value
        : throw places.Unsupported(key, "above 0");
}
