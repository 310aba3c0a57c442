namespace VaccineRef.Models;

/// <summary>
/// The settings of GPT-2. Source: Hugging Face configuration_gpt2.py, whose defaults are used for absent keys.
/// </summary>
public sealed record Gpt2Config(ModelShape Shape, int Inner)
{
    /// <summary>The constant in the norms: the setting layer_norm_epsilon.</summary>
    public double Epsilon { get; init; }

    /// <summary>The setting activation_function.</summary>
    public required string Activation { get; init; }

    /// <summary>
    /// Whether attention scores are divided by the square root of the head size: the setting scale_attn_weights.
    /// </summary>
    public bool ScaleScores { get; init; }

    /// <summary>Whether the head shares its weight with the embedding.</summary>
    public bool Tied { get; init; }

    /// <summary>The dropout on the embeddings: the setting embd_pdrop.</summary>
    public double EmbeddingDropout { get; init; }

    /// <summary>The dropout on the outputs of attention and feed-forward: the setting resid_pdrop.</summary>
    public double ResidualDropout { get; init; }

    /// <summary>The dropout on attention weights: the setting attn_pdrop.</summary>
    public double AttentionDropout { get; init; }

    /// <summary>The standard deviation of random weights: the setting initializer_range.</summary>
    public double Deviation { get; init; }

    /// <summary>
    /// The standard deviation of the random weights of output projections. It is smaller, because 2 n_layer of them add
    /// to the residual stream.
    /// </summary>
    public double ResidualDeviation => Deviation / Math.Sqrt(2 * Shape.Layers);

    /// <summary>Reads config.json.</summary>
    /// <exception cref="CheckpointException">
    /// A setting is missing, or this program does not implement its value.
    /// </exception>
    public static Gpt2Config Read(ConfigReader config)
    {
        config.RequireAbsentOrEqual("scale_attn_by_inverse_layer_idx", false);
        config.RequireAbsentOrEqual("reorder_and_upcast_attn", false);
        int hidden = config.Size("n_embd"), heads = config.Size("n_head");
        int headSize = config.Share("n_head", hidden, heads);
        return new(
            new(
                "gpt2", config.Size("vocab_size"), hidden, config.Layers("n_layer"), heads, heads, headSize,
                config.Size("n_positions")),
            config.Size("n_inner", 4 * hidden))
        {
            Epsilon = config.Positive("layer_norm_epsilon", 1e-5),
            Activation = config.Activation("activation_function", "gelu_new"),
            ScaleScores = config.Bool("scale_attn_weights", true),
            Tied = config.Bool("tie_word_embeddings", true),
            EmbeddingDropout = config.Rate("embd_pdrop", 0.1),
            ResidualDropout = config.Rate("resid_pdrop", 0.1),
            AttentionDropout = config.Rate("attn_pdrop", 0.1),
            Deviation = config.Double("initializer_range", 0.02),
        };
    }
}
