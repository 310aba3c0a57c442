using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// One step of RMSProp on X0 = p, X1 = g, X2 = v and, with momentum, X3 = b, in place. With g' = gradientScale g +
/// weightDecay p: v = alpha v + (1 - alpha) g'^2; d = g' / (sqrt(v) + eps); without momentum p -= lr d, and with it b =
/// momentum b + d and p -= lr b. v and b begin at 0. g is not changed. Source: torch.optim.RMSprop,
/// _single_tensor_rmsprop, not centred; Hinton, Coursera, lecture 6.5 (2012).
/// </summary>
/// <param name="learningRate">The learning rate lr.</param>
/// <param name="alpha">The decay of the mean of the squared gradients.</param>
/// <param name="epsilon">eps, which is added outside the square root.</param>
/// <param name="momentum">The decay of the sum of steps; at 0 there is no X3.</param>
/// <param name="weightDecay">The weight decay, which is added to the gradient.</param>
/// <param name="gradientScale">A factor of the gradient, for clipping or for the mean over micro-batches.</param>
public sealed partial class RmsPropStep<T>(
    double learningRate, double alpha, double epsilon, double momentum, double weightDecay,
    double gradientScale = 1) : Routine<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T _rate = T.CreateChecked(learningRate), _alpha = T.CreateChecked(alpha),
        _square = T.CreateChecked(1 - alpha);
    private readonly T _epsilon = T.CreateChecked(epsilon), _momentum = T.CreateChecked(momentum);
    private readonly T _decay = T.CreateChecked(weightDecay), _scale = T.CreateChecked(gradientScale);

    /// <inheritdoc/>
    public override string Name => "RmsPropStep";

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        View<T> p = f.X(0), g = f.X(1), v = f.X(2), b = momentum == 0 ? default : f.X(3);
        f.Workers.Blocks(checked((int)p.Shape.Count), BlockSizes.Strip, (start, end) =>
        {
            Span<T> sums = momentum == 0 ? [] : b.Span[start..end];
            Update(p.Span[start..end], g.Span[start..end], v.Span[start..end], sums);
        });
        return 0;
    }

    private void Update(Span<T> p, ReadOnlySpan<T> g, Span<T> v, Span<T> b)
    {
        int i = 0;
        Vector<T> epsilon = new(_epsilon);
        for (; i <= p.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            Vector<T> weight = new(p[i..]), gradient = (new Vector<T>(g[i..]) * _scale) + (weight * _decay);
            var square = (new Vector<T>(v[i..]) * _alpha) + (gradient * gradient * _square);
            square.CopyTo(v[i..]);
            var move = gradient / (Vector.SquareRoot(square) + epsilon);
            if (!b.IsEmpty)
            {
                move = (new Vector<T>(b[i..]) * _momentum) + move;
                move.CopyTo(b[i..]);
            }

            (weight - (move * _rate)).CopyTo(p[i..]);
        }

        for (; i < p.Length; i++)
        {
            T gradient = (g[i] * _scale) + (p[i] * _decay);
            v[i] = (v[i] * _alpha) + (gradient * gradient * _square);
            T move = gradient / (T.Sqrt(v[i]) + _epsilon);
            if (!b.IsEmpty)
                move = b[i] = (b[i] * _momentum) + move;
            p[i] -= move * _rate;
        }
    }
}
