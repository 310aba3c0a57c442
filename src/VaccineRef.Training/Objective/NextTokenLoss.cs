using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// Cross-entropy as an objective records it: with a fused gradient in a training pass, which a reverse pass follows; in evaluation that
/// gradient would be wasted work. The losses are the same, bit for bit.
/// </summary>
internal sealed class NextTokenLoss<T>(ILanguageModel<T> model) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly CrossEntropy<T> _evaluated = new(), _trained = new(fusedGradient: true);

    /// <summary>The mean loss of hidden (N, C) over the targets that count.</summary>
    public Tensor<T> Of(Pass<T> pass, Tensor<T> hidden, ReadOnlyMemory<int> targets) =>
        pass.Tape.Apply(pass.Training ? _trained : _evaluated, [hidden, pass.Tape.Of(model.Head)], targets);
}
