using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y = x W' + scaling low B' + b: a linear layer and the second half of its low-rank adapter, added in one output. X: x
/// (N, in), W (out, in) or, if stored <see cref="WeightLayout.InOut"/>, (in, out) with y = x W + ..., low (N, r), B
/// (out, r), and optionally b (1, out). Y: (N, out). Backward: dx = dy W, dW = dy' x, dlow = scaling dy B, dB = scaling
/// dy' low, and db = the sum of the rows of dy. Error against double: in + r + 2 eps of |x| |W| + |scaling low| |B| +
/// |b|, element by element. N = 0 is legal. Source: Hu et al., arXiv 2106.09685, eq. 3, where low = A x; PEFT's
/// LoraLayer.
/// </summary>
/// <param name="scaling">The factor of the adapter.</param>
/// <param name="layout">How W is stored; B is always (out, r).</param>
public sealed partial class AdaptedLinear<T>(double scaling, WeightLayout layout = WeightLayout.OutIn) : Op<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int BiasInput = 4;

    private readonly Linear<T> _linear = new(layout);
    private readonly LowRankTerm<T> _adapter = new(scaling, low: 2);

    /// <inheritdoc/>
    public override string Name => "AdaptedLinear";

    /// <inheritdoc/>
    public override bool Reads(int input, int gradient) =>
        (input, gradient) is (0, 1) or (1, 0) or (2, 3) or (3, 2);

    /// <inheritdoc/>
    public override bool Overwrites(int input) => input is 0 or 2;

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x)
    {
        if (x is [var input, var weight, var low, var b, ..])
        {
            var w = layout.InByOut(weight);
            bool bias = x.Length == 4 || (x.Length == 5 && x[4] == Shape.Vector(w.Columns));
            if (bias && input.Columns == w.Rows && low.Rows == input.Rows && b == new Shape(w.Columns, low.Columns))
                return new(input.Rows, w.Columns);
        }

        throw new ShapeException(
            Name, x, $"x (N, in), {layout.Extents()}, low (N, r), B (out, r) and, if any, b (1, out)");
    }

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        _linear.Forward(f, BiasInput);
        _adapter.AddTo(f);
    }

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        _linear.Backward(f, BiasInput);
        _adapter.Backward(f);
    }
}
