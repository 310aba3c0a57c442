using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// One step of stochastic gradient descent on X0 = p, X1 = g and, with momentum, X2 = b, in place. With g' =
/// gradientScale g + weightDecay p: without momentum p -= lr g'; with it b = momentum b + (1 - dampening) g', in the
/// first step b = g', and p -= lr b or, in Nesterov's form, p -= lr (g' + momentum b). g is not changed. Source:
/// torch.optim.SGD, _single_tensor_sgd.
/// </summary>
/// <param name="learningRate">The learning rate lr.</param>
/// <param name="momentum">The decay of the sum of gradients; at 0 there is no X2.</param>
/// <param name="dampening">The share of a gradient that is left out of the sum.</param>
/// <param name="nesterov">Whether the step looks ahead along the sum.</param>
/// <param name="weightDecay">The weight decay, which is added to the gradient.</param>
/// <param name="step">The number of the step, from 1; the sum begins in the first.</param>
/// <param name="gradientScale">A factor of the gradient, for clipping or for the mean over micro-batches.</param>
public sealed partial class SgdStep<T>(
    double learningRate, double momentum, double dampening, bool nesterov, double weightDecay, long step,
    double gradientScale = 1)
    : Routine<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T _rate = T.CreateChecked(learningRate), _momentum = T.CreateChecked(momentum);
    private readonly T _decay = T.CreateChecked(weightDecay), _scale = T.CreateChecked(gradientScale);
    private readonly T _taken = T.CreateChecked(step == 1 ? 1 : 1 - dampening);

    // The step is lr (ofGradient g' + ofSum b): (0, 1), or (1, momentum) in Nesterov's form.
    private readonly T _ofGradient = nesterov ? T.One : T.Zero, _ofSum = nesterov ? T.CreateChecked(momentum) : T.One;

    /// <inheritdoc/>
    public override string Name => "SgdStep";

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        View<T> p = f.X(0), g = f.X(1), b = momentum == 0 ? default : f.X(2);
        f.Workers.Blocks(checked((int)p.Shape.Count), BlockSizes.Strip, (start, end) =>
        {
            if (momentum == 0)
                Descend(p.Span[start..end], g.Span[start..end]);
            else
                Descend(p.Span[start..end], g.Span[start..end], b.Span[start..end]);
        });
        return 0;
    }

    private void Descend(Span<T> p, ReadOnlySpan<T> g)
    {
        int i = 0;
        for (; i <= p.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            Vector<T> weight = new(p[i..]), gradient = (new Vector<T>(g[i..]) * _scale) + (weight * _decay);
            (weight - (gradient * _rate)).CopyTo(p[i..]);
        }

        for (; i < p.Length; i++)
            p[i] -= ((g[i] * _scale) + (p[i] * _decay)) * _rate;
    }

    private void Descend(Span<T> p, ReadOnlySpan<T> g, Span<T> b)
    {
        int i = 0;
        for (; i <= p.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            Vector<T> weight = new(p[i..]), gradient = (new Vector<T>(g[i..]) * _scale) + (weight * _decay);
            var sum = (new Vector<T>(b[i..]) * _momentum) + (gradient * _taken);
            sum.CopyTo(b[i..]);
            (weight - (((gradient * _ofGradient) + (sum * _ofSum)) * _rate)).CopyTo(p[i..]);
        }

        for (; i < p.Length; i++)
        {
            T gradient = (g[i] * _scale) + (p[i] * _decay);
            b[i] = (b[i] * _momentum) + (gradient * _taken);
            p[i] -= ((gradient * _ofGradient) + (b[i] * _ofSum)) * _rate;
        }
    }
}
