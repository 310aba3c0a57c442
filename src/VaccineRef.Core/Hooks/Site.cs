namespace VaccineRef.Core;

/// <summary>Which hidden embedding of a block a site is.</summary>
public enum SiteKind
{
    /// <summary>e_l of the paper: the attention block's output, after its output projection, before dropout and residual addition.</summary>
    AttentionOutput,

    /// <summary>The feed-forward block's output, before dropout and residual addition.</summary>
    MlpOutput,

    /// <summary>The residual stream after the whole block.</summary>
    BlockOutput,

    /// <summary>The residual stream that enters the first block. Its layer is 0.</summary>
    TokenEmbedding,
}

/// <summary>A named place in a model where hidden embeddings can be read or moved.</summary>
/// <param name="Layer">The block, from 0.</param>
/// <param name="Kind">Which of the block's hidden embeddings.</param>
public readonly record struct Site(int Layer, SiteKind Kind)
{
    /// <summary>The residual stream that enters the first block.</summary>
    public static Site TokenEmbedding => new(0, SiteKind.TokenEmbedding);

    /// <summary>"layers.3.attention_output".</summary>
    public override string ToString() => Kind switch
    {
        SiteKind.AttentionOutput => $"layers.{Layer}.attention_output",
        SiteKind.MlpOutput => $"layers.{Layer}.mlp_output",
        SiteKind.BlockOutput => $"layers.{Layer}.block_output",
        _ => "token_embedding",
    };
}
