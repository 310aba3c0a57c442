namespace VaccineRef.Core;

/// <summary>Which hidden embedding of a block a site stands for.</summary>
public enum SiteKind
{
    /// <summary>
    /// e_l of the paper: the output of attention, after the output projection and before dropout and the residual
    /// addition.
    /// </summary>
    AttentionOutput,

    /// <summary>The output of the feed-forward network, before dropout and the residual addition.</summary>
    MlpOutput,

    /// <summary>The residual stream after the block.</summary>
    BlockOutput,

    /// <summary>The residual stream before the first block. There is one such site, with layer 0.</summary>
    TokenEmbedding,
}

/// <summary>A place in a model where hidden embeddings can be read or changed.</summary>
/// <param name="Layer">The number of the block, from 0.</param>
/// <param name="Kind">Which of the block's hidden embeddings.</param>
public readonly record struct Site(int Layer, SiteKind Kind)
{
    /// <summary>The residual stream before the first block.</summary>
    public static Site TokenEmbedding => new(0, SiteKind.TokenEmbedding);

    /// <summary>The site as reports show it, such as "layers.3.attention_output".</summary>
    public override string ToString() => Kind switch
    {
        SiteKind.AttentionOutput => $"layers.{Layer}.attention_output",
        SiteKind.MlpOutput => $"layers.{Layer}.mlp_output",
        SiteKind.BlockOutput => $"layers.{Layer}.block_output",
        _ => "token_embedding",
    };
}
