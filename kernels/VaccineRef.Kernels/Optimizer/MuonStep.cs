using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// One step of Muon on a matrix X0 = p, X1 = g and X2 = b, in place. With g' = gradientScale g: b = momentum b + g'; U
/// = g' + momentum b in Nesterov's form, otherwise b; U = U / max(||U||, 1e-7); five times U = 3.4445 U - 4.7750 U U'U
/// + 2.0315 U U'U U'U; p = (1 - lr weightDecay) p - stepLength U. The singular values of U end between about 0.7 and
/// 1.2. X3 to X6 are memory for the products: two matrices of p's shape and two squares of its smaller side
/// (<see cref="Work"/>). b begins at 0. g is not changed. Source: Keller Jordan, Muon (2024); torch.optim.Muon, which
/// computes the products in bfloat16.
/// </summary>
/// <param name="learningRate">The learning rate lr, for the weight decay.</param>
/// <param name="stepLength">What is subtracted of U: the learning rate, adjusted to the shape of p.</param>
/// <param name="momentum">The decay of the sum of gradients.</param>
/// <param name="nesterov">Whether the step looks ahead along the sum.</param>
/// <param name="weightDecay">The weight decay, which acts on p and not on g.</param>
/// <param name="gradientScale">A factor of the gradient, for clipping or for the mean over micro-batches.</param>
public sealed partial class MuonStep<T>(
    double learningRate, double stepLength, double momentum, bool nesterov, double weightDecay,
    double gradientScale = 1) : Routine<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    // The quintic a x + b x^3 + c x^5 with the largest slope at 0 that keeps singular values near 1.
    private const double A = 3.4445, B = -4.7750, C = 2.0315;

    private const int Rounds = 5;

    private const double LeastNorm = 1e-7;

    private readonly T _keep = T.CreateChecked(1 - (learningRate * weightDecay)), _length = T.CreateChecked(stepLength);
    private readonly T _momentum = T.CreateChecked(momentum), _scale = T.CreateChecked(gradientScale);

    // U = ofGradient g' + ofSum b
    private readonly T _ofGradient = nesterov ? T.One : T.Zero, _ofSum = nesterov ? T.CreateChecked(momentum) : T.One;

    /// <inheritdoc/>
    public override string Name => "MuonStep";

    /// <summary>The shapes of X3 to X6 for a matrix of this shape.</summary>
    public static IReadOnlyList<Shape> Work(Shape shape)
    {
        int least = Math.Min(shape.Rows, shape.Columns);
        return [shape, shape, new(least, least), new(least, least)];
    }

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        View<T> p = f.X(0), g = f.X(1), b = f.X(2), u = f.X(3), next = f.X(4), gram = f.X(5), square = f.X(6);
        int count = checked((int)p.Shape.Count);
        f.Workers.Blocks(
            count, BlockSizes.Strip,
            (start, end) => Gather(g.Span[start..end], b.Span[start..end], u.Span[start..end]));
        double norm = Math.Sqrt(f.Workers.Sum(
            count, BlockSizes.Sum, (start, end) => DoubleSums.Dot<T>(u.Span[start..end], u.Span[start..end])));
        Scale<T>.Write(f.Workers, u, T.CreateChecked(1 / Math.Max(norm, LeastNorm)), u);
        for (int round = 0; round < Rounds; round++)
        {
            Round(f.Workers, u, next, gram, square);
            (u, next) = (next, u);
        }

        f.Workers.Blocks(count, BlockSizes.Strip, (start, end) => Move(p.Span[start..end], u.Span[start..end]));
        return 0;
    }

    // The Gram matrix is that of the smaller side: U U', or U'U where U is tall.
    private static void Round(Workers workers, View<T> u, View<T> next, View<T> gram, View<T> square)
    {
        bool tall = u.Rows > u.Columns;
        if (tall)
            Matmul.Multiply(workers, T.One, u.Transposed(), u, gram, accumulate: false);
        else
            Matmul.Multiply(workers, T.One, u, u.Transposed(), gram, accumulate: false);
        Matmul.Multiply<T>(workers, T.CreateChecked(C), gram, gram, square, accumulate: false);
        Add<T>.AddScaled(workers, square, gram, T.CreateChecked(B), square);
        Scale<T>.Write(workers, u, T.CreateChecked(A), next);
        Matmul.Multiply<T>(workers, T.One, tall ? u : square, tall ? square : u, next, accumulate: true);
    }

    private void Gather(ReadOnlySpan<T> g, Span<T> b, Span<T> u)
    {
        int i = 0;
        for (; i <= b.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            Vector<T> gradient = new Vector<T>(g[i..]) * _scale, sum = (new Vector<T>(b[i..]) * _momentum) + gradient;
            sum.CopyTo(b[i..]);
            ((gradient * _ofGradient) + (sum * _ofSum)).CopyTo(u[i..]);
        }

        for (; i < b.Length; i++)
        {
            T gradient = g[i] * _scale;
            b[i] = (b[i] * _momentum) + gradient;
            u[i] = (gradient * _ofGradient) + (b[i] * _ofSum);
        }
    }

    private void Move(Span<T> p, ReadOnlySpan<T> u)
    {
        int i = 0;
        for (; i <= p.Length - Vector<T>.Count; i += Vector<T>.Count)
            ((new Vector<T>(p[i..]) * _keep) - (new Vector<T>(u[i..]) * _length)).CopyTo(p[i..]);
        for (; i < p.Length; i++)
            p[i] = (p[i] * _keep) - (u[i] * _length);
    }
}
