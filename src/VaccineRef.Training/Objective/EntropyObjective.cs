using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// -H: the mean over all tokens of a batch, prompts included, of sum over v of p_v log p_v, where p is the distribution
/// of the next token. To minimise it is to know nothing; it lies between -log V and 0. It is the divergence from the
/// uniform distribution less log V, and forms the logits of every token. Source: Tamirisa et al., arXiv 2408.00761;
/// rishub-tamirisa/tamper-resistance, modules/objectives.py, max_entropy_loss.
/// </summary>
public sealed class EntropyObjective<T>(ILanguageModel<T> model) : IObjective<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Linear<T> _head = new();
    private readonly KlDivergence<T> _divergence = new();
    private readonly Mean<T> _mean = new();
    private readonly Add<T> _sum = new();

    /// <inheritdoc/>
    public string Name => "entropy";

    /// <inheritdoc/>
    public Tensor<T> Loss(Pass<T> pass, PackedBatch batch)
    {
        var tape = pass.Tape;
        var logits = tape.Apply(_head, [model.Forward(pass, batch), tape.Of(model.Head)]);
        var fromUniform = tape.Apply(_mean, [tape.Apply(_divergence, [tape.Zeros(logits.Shape), logits])]);
        var most = tape.Zeros(Shape.Scalar);
        tape.Device.Upload<T>([T.CreateChecked(-Math.Log(logits.Shape.Columns))], most.Value);
        return tape.Apply(_sum, [fromUniform, most]);
    }
}
