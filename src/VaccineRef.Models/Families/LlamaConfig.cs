namespace VaccineRef.Models;

/// <summary>
/// The settings of Llama 1 to 3, Vicuna, Mistral and Qwen2. Source: Hugging Face configuration_llama.py,
/// configuration_mistral.py and configuration_qwen2.py, whose defaults are used for absent keys.
/// </summary>
public sealed record LlamaConfig(ModelShape Shape, int Inner)
{
    /// <summary>The constant in the norms: the setting rms_norm_eps.</summary>
    public required double Epsilon { get; init; }

    /// <summary>The angle in radians by which each pair of columns of a head is rotated per position.</summary>
    public required double[] Frequencies { get; init; }

    /// <summary>The factor on the scores of attention; null for 1 / sqrt(head size).</summary>
    public double? ScoreScale { get; init; }

    /// <summary>For each layer, how many keys a query sees (sliding window); null for all.</summary>
    public required int?[] Windows { get; init; }

    /// <summary>Whether the projections to queries, keys and values have biases.</summary>
    public bool ProjectionBias { get; init; }

    /// <summary>Whether the output projection of attention has a bias.</summary>
    public bool OutputBias { get; init; }

    /// <summary>Whether the layers of the feed-forward network have biases.</summary>
    public bool MlpBias { get; init; }

    /// <summary>Whether the head shares its weight with the embedding.</summary>
    public bool Tied { get; init; }

    /// <summary>The row of the embedding that gets no gradient (the padding token); -1 for none.</summary>
    public int Padding { get; init; }

    /// <summary>The setting attention_dropout.</summary>
    public double AttentionDropout { get; init; }

    /// <summary>The standard deviation of random weights: the setting initializer_range.</summary>
    public double Deviation { get; init; }

    /// <summary>Reads config.json.</summary>
    /// <exception cref="CheckpointException">
    /// A setting is missing, or this program does not implement its value.
    /// </exception>
    public static LlamaConfig Read(ConfigReader config, string family)
    {
        config.RequireAbsentOrEqual("hidden_act", "silu");
        _ = config.Size("pretraining_tp", 1);               // how products were once cut: the same mathematics
        int hidden = config.Size("hidden_size"), heads = config.Size("num_attention_heads");
        // An absent key means the family's default; null means as many as there are heads.
        int groups = config.Size(
            "num_key_value_heads",
            config.Keys.Contains("num_key_value_heads")
                ? heads
                : family switch { "mistral" => 8, "qwen2" => 32, _ => heads });
        config.Share("num_key_value_heads", heads, groups);
        int headSize = config.Has("head_dim")
            ? config.Size("head_dim")
            : config.Share("num_attention_heads", hidden, heads);
        int vocabulary = config.Size("vocab_size"), layers = config.Layers("num_hidden_layers");
        int context = config.Size(
            "max_position_embeddings", family switch { "mistral" => 131072, "qwen2" => 32768, _ => 2048 });
        bool bias = family == "llama" && config.Bool("attention_bias", false);
        var rotary = RotarySettings.Read(config, headSize, context);
        var shape = new ModelShape(family, vocabulary, hidden, layers, heads, groups, headSize, rotary.Context);
        return new(shape, config.Size("intermediate_size"))
        {
            Epsilon = config.Positive("rms_norm_eps", 1e-6),
            Frequencies = rotary.Frequencies,
            ScoreScale = rotary.ScoreScale,
            Windows = [.. Enumerable.Range(0, layers).Select(layer => Window(config, family, layer))],
            ProjectionBias = bias || family == "qwen2",
            OutputBias = bias,
            MlpBias = family == "llama" && config.Bool("mlp_bias", false),
            Tied = config.Bool("tie_word_embeddings", false),
            Padding = config.Padding(null, vocabulary),
            AttentionDropout = config.Rate("attention_dropout", 0),
            Deviation = config.Double("initializer_range", 0.02),
        };
    }

    // Mistral has a sliding window in every layer; Qwen2, if use_sliding_window is set, in the layers from
    // max_window_layers on. The key layer_types, if present, says it for each layer.
    private static int? Window(ConfigReader config, string family, int layer)
    {
        const string Key = "sliding_window", Types = "layer_types";
        if (family == "llama" || (family == "qwen2" && !config.Bool("use_sliding_window", false)))
            return null;
        // an explicit null means none
        int? window = config.Has(Key) ? config.Size(Key) : config.Keys.Contains(Key) ? null : 4096;
        if (!config.Has(Types))
            return family == "mistral" || layer >= config.Int("max_window_layers", 28) ? window : null;
        var types = config.Strings(Types);
        return layer >= types.Length ? throw config.Unsupported(Types, "one for each layer") : types[layer] switch
        {
            "sliding_attention" => window,
            "full_attention" => null,
            _ => throw config.Unsupported(Types, "full_attention or sliding_attention"),
        };
    }
}
