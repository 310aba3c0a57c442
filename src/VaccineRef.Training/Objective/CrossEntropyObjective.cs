using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// The language-model loss f(w): the mean of -log p(token | the tokens before it) over the counted tokens of the batch.
/// Source: Eq. 1 of the paper; Hugging Face ForCausalLM with labels, of which -100 is not counted.
/// </summary>
public sealed class CrossEntropyObjective<T>(ILanguageModel<T> model) : IObjective<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly NextTokenLoss<T> _loss = new(model);

    /// <inheritdoc/>
    public string Name => "cross_entropy";

    /// <inheritdoc/>
    public IObjective<T> Layerwise { get; } = new LayerwiseCrossEntropy<T>(model);

    /// <inheritdoc/>
    public IObjective<T> Entropy { get; } = new EntropyObjective<T>(model);

    /// <inheritdoc/>
    public Tensor<T> Hidden(Pass<T> pass, PackedBatch batch, int[] rows) =>
        model.Forward(pass, batch, outputRows: rows);

    /// <inheritdoc/>
    /// <exception cref="InputException">In training, no label of the batch counts: its loss would be 0/0.</exception>
    public Tensor<T> Loss(Pass<T> pass, PackedBatch batch)
    {
        NextTokenLoss<T>.RequireCounted(pass, batch);
        // (M, C): what predicts a counted token
        var hidden = model.Forward(pass, batch, outputRows: batch.CountedRows);
        return _loss.Of(pass, hidden, batch.CountedTargets);
    }
}

/// <summary>
/// Cross-entropy for the objectives. Training passes form the gradient in forward already; the loss is the same bit for
/// bit.
/// </summary>
internal sealed class NextTokenLoss<T>(ILanguageModel<T> model) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly CrossEntropy<T> _evaluated = new(), _trained = new(fusedGradient: true);

    /// <summary>A mean over no token is no loss to train on, though kernels make it 0.</summary>
    /// <exception cref="InputException">In training, no label of the batch counts.</exception>
    public static void RequireCounted(Pass<T> pass, PackedBatch batch)
    {
        if (pass.Training && batch.Counted == 0)
            throw new InputException(
                "a batch has no label that counts", string.Join(", ", batch.Ids),
                $"{batch.Rows} tokens, each with the label {PackedBatch.Ignored}",
                "at least one label that counts behind a sequence's first token",
                "leave such sequences out, or label their answers");
    }

    /// <summary>The mean loss of hidden (N, C) over the counted targets.</summary>
    public Tensor<T> Of(Pass<T> pass, Tensor<T> hidden, ReadOnlyMemory<int> targets) =>
        pass.Tape.Apply(pass.Training ? _trained : _evaluated, [hidden, pass.Tape.Of(model.Head)], targets);
}
