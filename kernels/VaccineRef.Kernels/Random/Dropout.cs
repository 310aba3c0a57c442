using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y = m x / (1 - p), where m is 0 with probability p and 1 otherwise, independently for every element, so that the
/// mean of y is x. X: x, of any shape. Y: the same shape. Backward: dx = dy m / (1 - p), where the mask is drawn again
/// from the random stream of the call. Error against double: 1 eps. NaN stays in its element where that is kept.
/// Source: torch.nn.Dropout; Srivastava et al., JMLR 15 (2014).
/// </summary>
public sealed partial class Dropout<T> : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ulong _dropped;          // an element is dropped if its random bits are below this
    private readonly T _scale;

    /// <summary>Makes the op.</summary>
    /// <param name="probability">The probability p of an element to be dropped, at least 0 and below 1.</param>
    /// <exception cref="InputException">p is out of range.</exception>
    public Dropout(double probability)
    {
        if (!(probability is >= 0 and < 1))
            throw new InputException(
                "a dropout probability is out of range", Name, $"{probability}", "at least 0 and below 1");
        _dropped = (ulong)(probability * 18446744073709551616.0);               // 2^64
        _scale = T.CreateChecked(1 / (1 - probability));
    }

    /// <inheritdoc/>
    public override string Name => "Dropout";

    /// <inheritdoc/>
    public override bool Reads(int input, int gradient) => false;

    /// <inheritdoc/>
    public override bool IsCheap => true;

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) =>
        x is [var shape] ? shape : throw new ShapeException(Name, x, "x (N, C)");

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        View<T> from = f.X(0), to = f.Y;
        var random = f.Random;
        f.Workers.Blocks(checked((int)to.Shape.Count), BlockSizes.Strip, (start, end) =>
        {
            Span<T> x = from.Span, y = to.Span;
            for (int i = start; i < end; i++)
                y[i] = random.Bits(i) < _dropped ? T.Zero : x[i] * _scale;
        });
    }

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        if (!f.Wants(0))
            return;
        View<T> from = f.Dy, to = f.Dx(0);
        var random = f.Random;
        f.Workers.Blocks(checked((int)to.Shape.Count), BlockSizes.Strip, (start, end) =>
        {
            Span<T> dy = from.Span, dx = to.Span;
            for (int i = start; i < end; i++)
                if (random.Bits(i) >= _dropped)
                    dx[i] += dy[i] * _scale;
        });
    }
}
