using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// The language-model loss f(w): mean over the batch's counted next tokens of -log p(token | its past). Source: the paper's Eq. 1;
/// Hugging Face ForCausalLM with labels, where -100 counts for nothing.
/// </summary>
public sealed class CrossEntropyObjective<T>(ILanguageModel<T> model) : IObjective<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly NextTokenLoss<T> _loss = new(model);

    /// <inheritdoc/>
    public string Name => "cross_entropy";

    /// <inheritdoc/>
    public Tensor<T> Loss(Pass<T> pass, PackedBatch batch)
    {
        var hidden = model.Forward(pass, batch, outputRows: batch.CountedRows);     // (M, C): only what predicts a counted token
        return _loss.Of(pass, hidden, batch.CountedTargets);
    }
}
