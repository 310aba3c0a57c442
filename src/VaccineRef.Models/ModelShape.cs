using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>The family and the sizes of a model.</summary>
/// <param name="Family">"llama", "mistral", "qwen2", "opt" or "gpt2".</param>
/// <param name="Vocabulary">Size of the vocabulary: rows of the embedding.</param>
/// <param name="Hidden">Hidden size: columns of the residual stream.</param>
/// <param name="Layers">Number of blocks.</param>
/// <param name="Heads">Number of query heads.</param>
/// <param name="KeyValueHeads">Number of key and value heads.</param>
/// <param name="HeadSize">Columns of one head.</param>
/// <param name="Context">The largest number of tokens in a sequence.</param>
public sealed record ModelShape(
    string Family, int Vocabulary, int Hidden, int Layers, int Heads, int KeyValueHeads, int HeadSize, int Context)
{
    /// <summary>All sites of such a model, in the order in which a pass reaches them.</summary>
    public IReadOnlyList<Site> Sites =>
    [
        new(0, SiteKind.TokenEmbedding),
        .. Enumerable.Range(0, Layers).SelectMany(layer => new Site[]
        {
            new(layer, SiteKind.AttentionOutput), new(layer, SiteKind.MlpOutput), new(layer, SiteKind.BlockOutput),
        }),
    ];
}
