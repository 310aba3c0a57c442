using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// A linear layer, with or without a low-rank adapter, whose weight is frozen and kept in bfloat16: y = x W' + scaling low B' + b. The
/// op holds W, for it is no operand that a gradient could reach; it is widened a block at a time. X: x (N, in), optional low (N, r) with
/// B (out, r), optional b (1, out). Y: (N, out). Backward: as <see cref="AdaptedLinear{T}"/>, short of dW. Error against double on the
/// widened weight: in + r + 2 eps of |x| |W| + |scaling low| |B| + |b|, elementwise. N = 0 is legal. Source: the bf16 base of PEFT's
/// LoraLayer.
/// </summary>
/// <param name="weight">W (out, in) [InOut: (in, out)], on the device that the op runs on; it must outlive the op.</param>
/// <param name="layout">How W is stored; B is always (out, r).</param>
/// <param name="scaling">The factor of the adapter.</param>
public sealed unsafe partial class FrozenLinear<T>(View<ushort> weight, WeightLayout layout = WeightLayout.OutIn, double scaling = 0)
    : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int BlockBytes = 1 << 20;             // widened at a time: stays in the second-level cache

    private readonly bool _outIn = layout == WeightLayout.OutIn;
    private readonly T _scaling = T.CreateChecked(scaling);

    /// <inheritdoc/>
    public override string Name => "FrozenLinear";

    /// <inheritdoc/>
    public override bool Reads(int input, int gradient) => (input, gradient) is (1, 2) or (2, 1);

    /// <inheritdoc/>
    public override bool Overwrites(int input) => input == 0;       // 1 may be the bias

    private int Inputs => _outIn ? weight.Columns : weight.Rows;

    private int Outputs => _outIn ? weight.Rows : weight.Columns;

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x)
    {
        bool adapted = x.Length > 2, bias = x.Length is 2 or 4;
        if (x.Length is >= 1 and <= 4 && x[0].Columns == Inputs && (!bias || x[^1] == Shape.Vector(Outputs))
            && (!adapted || (x[1].Rows == x[0].Rows && x[2] == new Shape(Outputs, x[1].Columns))))
            return new(x[0].Rows, Outputs);
        throw new ShapeException(
            Name, x, $"x (N, {Inputs}), if any low (N, r) with B ({Outputs}, r), and, if any, b (1, {Outputs})");
    }

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        View<T> x = f.X(0), y = f.Y;
        int bias = Bias(f.Inputs);
        if (bias > 0)
            Linear<T>.FillRows(f.Workers, f.X(bias), y);
        if (_outIn)
            Spread(f.Workers, x, y, accumulate: bias > 0);
        else
            Gather(f.Workers, x, y, accumulate: bias > 0);
        if (f.Inputs > 2)
            Matmul.Multiply(
                f.Workers, y.Rows, y.Columns, f.X(1).Columns, _scaling, f.X(1).Address, f.X(1).Columns, false, f.X(2).Address,
                f.X(2).Columns, true, y.Address, y.Columns, accumulate: true);
    }

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        var dy = f.Dy;
        if (f.Wants(0) && _outIn)
            Gather(f.Workers, dy, f.Dx(0), f.Adds(0));
        else if (f.Wants(0))
            Spread(f.Workers, dy, f.Dx(0), f.Adds(0));
        if (f.Inputs > 2)
        {
            View<T> low = f.X(1), b = f.X(2);
            if (f.Wants(1))
                Matmul.Multiply(
                    f.Workers, dy.Rows, low.Columns, dy.Columns, _scaling, dy.Address, dy.Columns, false, b.Address, b.Columns,
                    false, f.Dx(1).Address, low.Columns, accumulate: true);
            if (f.Wants(2))
                Matmul.Multiply(
                    f.Workers, dy.Columns, low.Columns, dy.Rows, _scaling, dy.Address, dy.Columns, true, low.Address, low.Columns,
                    false, f.Dx(2).Address, low.Columns, accumulate: true);
        }

        int bias = Bias(f.Inputs);
        if (bias > 0 && f.Wants(bias))
            ColumnSums.Add(f.Workers, dy, f.Dx(bias));
    }

    /// <summary>Where b stands; 0 without one.</summary>
    private static int Bias(int inputs) => inputs % 2 == 0 ? inputs - 1 : 0;

    /// <summary>to = [to +] from W', a block of W's rows giving a block of columns.</summary>
    private void Spread(Workers workers, View<T> from, View<T> to, bool accumulate) => Blocks(workers, (first, rows, w) =>
        Matmul.Multiply(
            workers, from.Rows, rows, weight.Columns, T.One, from.Address, from.Columns, false, w, weight.Columns, true,
            to.Address + first, to.Columns, accumulate));

    /// <summary>to = [to +] from W, a block of W's rows taking a block of columns.</summary>
    private void Gather(Workers workers, View<T> from, View<T> to, bool accumulate) => Blocks(workers, (first, rows, w) =>
        Matmul.Multiply(
            workers, from.Rows, weight.Columns, rows, T.One, from.Address + first, from.Columns, false, w, weight.Columns, false,
            to.Address, to.Columns, accumulate: accumulate || first > 0));

    private void Blocks(Workers workers, BlockBody body)
    {
        int columns = weight.Columns, block = Math.Clamp(BlockBytes / (Math.Max(1, columns) * sizeof(T)), 1, Math.Max(1, weight.Rows));
        using var scratch = workers.Rent((long)block * columns * sizeof(T));
        T* wide = (T*)scratch.Start;
        for (int first = 0; first < weight.Rows; first += block)
        {
            int rows = Math.Min(block, weight.Rows - first), start = first;
            workers.Blocks(rows, Cut.Rows, (from, end) => BFloat16.Widen(
                new ReadOnlySpan<ushort>(weight.Address + ((nint)(start + from) * columns), (end - from) * columns),
                new Span<T>(wide + ((nint)from * columns), (end - from) * columns)));
            body(first, rows, wide);
        }
    }

    private delegate void BlockBody(int first, int rows, T* w);
}
