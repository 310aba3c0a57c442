using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y = x W' + scaling low B' + b: a linear layer and the second half of its low-rank adapter, in one output. X: x (N,
/// in), W (out, in) [InOut: (in, out), and x W], low (N, r), B (out, r), optional b (1, out). Y: (N, out). Backward: dx
/// = dy W; dW = dy' x; dlow = scaling dy B; dB = scaling dy' low; db = sum over rows of dy. Error against double: in +
/// r + 2 eps of |x| |W| + |scaling low| |B| + |b|, elementwise. N = 0 is legal. Source: arXiv 2106.09685, eq. 3, with
/// low = A x; PEFT's LoraLayer.
/// </summary>
/// <param name="scaling">The factor of the adapter.</param>
/// <param name="layout">How W is stored; B is always (out, r).</param>
public sealed unsafe partial class AdaptedLinear<T>(double scaling, WeightLayout layout = WeightLayout.OutIn) : Op<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly bool _outIn = layout == WeightLayout.OutIn;
    private readonly T _scaling = T.CreateChecked(scaling);

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
        if (x is [var input, var w, var low, var b, ..])
        {
            var (outputs, inputs) = _outIn ? (w.Rows, w.Columns) : (w.Columns, w.Rows);
            bool bias = x.Length == 4 || (x.Length == 5 && x[4] == Shape.Vector(outputs));
            if (bias && input.Columns == inputs && low.Rows == input.Rows && b == new Shape(outputs, low.Columns))
                return new(input.Rows, outputs);
        }

        string weight = _outIn ? "W (out, in)" : "W (in, out)";
        throw new ShapeException(Name, x, $"x (N, in), {weight}, low (N, r), B (out, r) and, if any, b (1, out)");
    }

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        View<T> x = f.X(0), w = f.X(1), low = f.X(2), b = f.X(3), y = f.Y;
        bool hasBias = f.Inputs == 5;
        if (hasBias)
            Linear<T>.FillRows(f.Workers, f.X(4), y);
        Matmul.Multiply(
            f.Workers, y.Rows, y.Columns, x.Columns, T.One, x.Address, x.Columns, false, w.Address, w.Columns, _outIn,
            y.Address, y.Columns, accumulate: hasBias);
        Matmul.Multiply(
            f.Workers, y.Rows, y.Columns, low.Columns, _scaling, low.Address, low.Columns, false, b.Address, b.Columns,
            true, y.Address, y.Columns, accumulate: true);
    }

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        View<T> x = f.X(0), w = f.X(1), low = f.X(2), b = f.X(3), dy = f.Dy;
        int rows = x.Rows, inputs = x.Columns, outputs = dy.Columns, rank = low.Columns;
        if (f.Wants(0))
            Matmul.Multiply(
                f.Workers, rows, inputs, outputs, T.One, dy.Address, outputs, false, w.Address, w.Columns, !_outIn,
                f.Dx(0).Address, inputs, accumulate: f.Adds(0));
        if (f.Wants(1) && _outIn)
            Matmul.Multiply(
                f.Workers, outputs, inputs, rows, T.One, dy.Address, outputs, true, x.Address, inputs, false,
                f.Dx(1).Address, inputs, accumulate: true);
        else if (f.Wants(1))
            Matmul.Multiply(
                f.Workers, inputs, outputs, rows, T.One, x.Address, inputs, true, dy.Address, outputs, false,
                f.Dx(1).Address, outputs, accumulate: true);
        if (f.Wants(2))
            Matmul.Multiply(
                f.Workers, rows, rank, outputs, _scaling, dy.Address, outputs, false, b.Address, rank, false,
                f.Dx(2).Address, rank, accumulate: f.Adds(2));
        if (f.Wants(3))
            Matmul.Multiply(
                f.Workers, outputs, rank, rows, _scaling, dy.Address, outputs, true, low.Address, rank, false,
                f.Dx(3).Address, rank, accumulate: true);
        if (f.Wants(4))
            ColumnSums.Add(f.Workers, dy, f.Dx(4));
    }
}
