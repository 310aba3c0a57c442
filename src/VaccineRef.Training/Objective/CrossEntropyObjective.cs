using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// The language-model loss f(w): the mean of -log p(token | the tokens before it) over the counted tokens of the batch. Source:
/// Eq. 1 of the paper; Hugging Face ForCausalLM with labels, of which -100 is not counted.
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
        var hidden = model.Forward(pass, batch, outputRows: batch.CountedRows);     // (M, C): what predicts a counted token
        return _loss.Of(pass, hidden, batch.CountedTargets);
    }
}

/// <summary>Cross-entropy for the objectives. Training passes form the gradient in forward already; the loss is the same bit for bit.</summary>
internal sealed class NextTokenLoss<T>(ILanguageModel<T> model) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly CrossEntropy<T> _evaluated = new(), _trained = new(fusedGradient: true);

    /// <summary>The mean loss of hidden (N, C) over the counted targets.</summary>
    public Tensor<T> Of(Pass<T> pass, Tensor<T> hidden, ReadOnlyMemory<int> targets) =>
        pass.Tape.Apply(pass.Training ? _trained : _evaluated, [hidden, pass.Tape.Of(model.Head)], targets);
}
