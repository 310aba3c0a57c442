using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>What others need to know of a model's configuration.</summary>
/// <param name="Family">"llama", "mistral", "qwen2", "opt" or "gpt2".</param>
/// <param name="Vocabulary">Rows of the embedding.</param>
/// <param name="Hidden">Columns of the residual stream.</param>
/// <param name="Layers">Number of blocks.</param>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyValueHeads">Key-value heads.</param>
/// <param name="HeadSize">Columns of a head.</param>
/// <param name="Context">The most tokens a sequence may have.</param>
public sealed record ModelShape(
    string Family, int Vocabulary, int Hidden, int Layers, int Heads, int KeyValueHeads, int HeadSize, int Context)
{
    /// <summary>Every site of such a model, in the order in which it reaches them.</summary>
    public IReadOnlyList<Site> Sites =>
    [
        new(0, SiteKind.TokenEmbedding),
        .. Enumerable.Range(0, Layers).SelectMany(layer => new Site[]
        {
            new(layer, SiteKind.AttentionOutput), new(layer, SiteKind.MlpOutput), new(layer, SiteKind.BlockOutput),
        }),
    ];
}
