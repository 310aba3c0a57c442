using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// One step of AdamW on X0 = p, X1 = g, X2 = m and X3 = v, in place. With g' = gradientScale g: p *= 1 - lr
/// weightDecay; m += (1 - beta1) (g' - m); v = beta2 v + (1 - beta2) g'^2; p -= lr / (1 - beta1^t) m / (sqrt(v) /
/// sqrt(1 - beta2^t) + eps). g is not changed. Source: torch.optim.AdamW, _single_tensor_adamw; Loshchilov and Hutter,
/// arXiv 1711.05101, algorithm 2.
/// </summary>
/// <param name="learningRate">The learning rate lr.</param>
/// <param name="beta1">The decay of the mean of the gradients.</param>
/// <param name="beta2">The decay of the mean of their squares.</param>
/// <param name="epsilon">eps, which is added outside the square root.</param>
/// <param name="weightDecay">The weight decay, which acts on p and not on g.</param>
/// <param name="step">The number of the step t, from 1.</param>
/// <param name="gradientScale">A factor of the gradient, for clipping or for the mean over micro-batches.</param>
public sealed partial class AdamWStep<T>(
    double learningRate, double beta1, double beta2, double epsilon, double weightDecay, long step,
    double gradientScale = 1) : Routine<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T _keep = T.CreateChecked(1 - (learningRate * weightDecay));
    private readonly T _mean = T.CreateChecked(1 - beta1), _decay = T.CreateChecked(beta2);
    private readonly T _square = T.CreateChecked(1 - beta2), _epsilon = T.CreateChecked(epsilon);
    private readonly T _rootCorrection = T.CreateChecked(Math.Sqrt(1 - Math.Pow(beta2, step)));
    private readonly T _rate = T.CreateChecked(learningRate / (1 - Math.Pow(beta1, step)));
    private readonly T _scale = T.CreateChecked(gradientScale);

    /// <inheritdoc/>
    public override string Name => "AdamWStep";

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        View<T> p = f.X(0), g = f.X(1), m = f.X(2), v = f.X(3);
        f.Workers.Blocks(
            checked((int)p.Shape.Count), BlockSizes.Strip,
            (start, end) => Update(p.Span[start..end], g.Span[start..end], m.Span[start..end], v.Span[start..end]));
        return 0;
    }

    private void Update(Span<T> p, ReadOnlySpan<T> g, Span<T> m, Span<T> v)
    {
        int i = 0;
        Vector<T> rootCorrection = new(_rootCorrection), epsilon = new(_epsilon);
        for (; i <= p.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            Vector<T> gradient = new Vector<T>(g[i..]) * _scale, mean = new(m[i..]);
            mean += (gradient - mean) * _mean;
            var square = (new Vector<T>(v[i..]) * _decay) + (gradient * gradient * _square);
            var move = mean / ((Vector.SquareRoot(square) / rootCorrection) + epsilon);
            mean.CopyTo(m[i..]);
            square.CopyTo(v[i..]);
            ((new Vector<T>(p[i..]) * _keep) - (move * _rate)).CopyTo(p[i..]);
        }

        for (; i < p.Length; i++)
        {
            T gradient = g[i] * _scale;
            m[i] += (gradient - m[i]) * _mean;
            v[i] = (v[i] * _decay) + (gradient * gradient * _square);
            p[i] = (p[i] * _keep) - (m[i] / ((T.Sqrt(v[i]) / _rootCorrection) + _epsilon) * _rate);
        }
    }
}
