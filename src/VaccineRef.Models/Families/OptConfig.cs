namespace VaccineRef.Models;

/// <summary>
/// The settings of OPT. Source: Hugging Face configuration_opt.py, whose defaults are used for absent keys.
/// </summary>
public sealed record OptConfig(ModelShape Shape, int Inner, int Embedding)
{
    /// <summary>The constant in the norms. OPT has no setting for it, so that torch's default applies.</summary>
    public const double Epsilon = 1e-5;

    /// <summary>The row of the position table that belongs to position 0.</summary>
    public const int PositionOffset = 2;

    /// <summary>
    /// Whether the norms come before attention and feed-forward: the setting do_layer_norm_before. In OPT-350m they
    /// come after the residual addition.
    /// </summary>
    public bool NormBefore { get; init; }

    /// <summary>Whether a norm follows the last block.</summary>
    public bool FinalNorm { get; init; }

    /// <summary>Whether linear layers have biases: the setting enable_bias.</summary>
    public bool Bias { get; init; }

    /// <summary>The setting activation_function.</summary>
    public required string Activation { get; init; }

    /// <summary>Whether the head shares its weight with the embedding.</summary>
    public bool Tied { get; init; }

    /// <summary>The row of the embedding that gets no gradient (the padding token); -1 for none.</summary>
    public int Padding { get; init; }

    /// <summary>The dropout on the outputs of attention and feed-forward: the setting dropout.</summary>
    public double Dropout { get; init; }

    /// <summary>The setting attention_dropout.</summary>
    public double AttentionDropout { get; init; }

    /// <summary>The standard deviation of random weights: the setting init_std.</summary>
    public double Deviation { get; init; }

    /// <summary>Reads config.json.</summary>
    /// <exception cref="CheckpointException">
    /// A setting is missing, or this program does not implement its value.
    /// </exception>
    public static OptConfig Read(ConfigReader config)
    {
        config.RequireAbsentOrEqual("layer_norm_elementwise_affine", true);
        config.RequireAbsentOrEqual("layerdrop", 0.0);
        int hidden = config.Size("hidden_size"), heads = config.Size("num_attention_heads");
        int vocabulary = config.Size("vocab_size");
        int headSize = config.Share("num_attention_heads", hidden, heads);
        bool before = config.Bool("do_layer_norm_before", true);
        return new(
            new(
                "opt", vocabulary, hidden, config.Layers("num_hidden_layers"), heads, heads, headSize,
                config.Size("max_position_embeddings")),
            config.Size("ffn_dim"), config.Size("word_embed_proj_dim", hidden))
        {
            NormBefore = before,
            FinalNorm = before && !config.Bool("_remove_final_layer_norm", false),
            Bias = config.Bool("enable_bias", true),
            Activation = config.Activation("activation_function", "relu"),
            Tied = config.Bool("tie_word_embeddings", true),
            Padding = config.Padding(1, vocabulary),
            Dropout = config.Rate("dropout", 0.1),
            AttentionDropout = config.Rate("attention_dropout", 0),
            Deviation = config.Double("init_std", 0.02),
        };
    }
}
