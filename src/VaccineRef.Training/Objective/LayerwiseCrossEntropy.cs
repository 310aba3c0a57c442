using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// The language-model loss of every layer, each hidden state read as if it were the last one.
/// <code>
/// S = (f + sum over i = 0 .. L of f_i) / (L + 1),   f_i the cross-entropy of head(norm(h_i))
/// </code>
/// h_0 is the token embedding, h_i the residual stream after block i, and h_L what enters the head: normed once more,
/// as in the released code of RepNoise and SEAM, where the last of Hugging Face's hidden states is normed already. One
/// forward pass, and L + 1 more heads. Source: Rosati et al., arXiv 2405.14577, loss.py; ZJUWYH/seam,
/// src/core/trainer.py.
/// </summary>
public sealed class LayerwiseCrossEntropy<T>(ILanguageModel<T> model) : IObjective<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly NextTokenLoss<T> _loss = new(model);
    private readonly Embedding<T> _gather = new();
    private readonly Add<T> _add = new();

    /// <inheritdoc/>
    public string Name => "layerwise_cross_entropy";

    /// <inheritdoc/>
    /// <exception cref="InputException">
    /// In training, no label of the batch counts; or the model does not show its residual stream.
    /// </exception>
    public Tensor<T> Loss(Pass<T> pass, PackedBatch batch)
    {
        NextTokenLoss<T>.RequireCounted(pass, batch);
        var tape = pass.Tape;
        var record = new Record<T>(SiteKind.TokenEmbedding, SiteKind.BlockOutput);
        var last = model.Forward(
            pass with { Tap = new Behind<T>(pass.Tap, record) }, batch, outputRows: batch.CountedRows);
        SitePass.RequireSites(record);
        var sum = _loss.Of(pass, last, batch.CountedTargets);
        for (int i = 0; i < record.Sites.Count - 1; i++)
            sum = Plus(tape.Apply(_gather, [record.Hidden[i]], batch.CountedRows));
        sum = Plus(last);
        return tape.Apply(new Scale<T>(1.0 / record.Sites.Count), [sum]);

        Tensor<T> Plus(Tensor<T> hidden) =>
            tape.Apply(_add, [sum, _loss.Of(pass, model.Normalise(pass, hidden), batch.CountedTargets)]);
    }
}
