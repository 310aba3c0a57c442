using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y = x W' + b. X: x (N, in), W (out, in) [InOut: (in, out), and y = x W + b], optional b (1, out). Y: (N, out).
/// Backward: dx = dy W; dW = dy' x; db = sum over rows of dy. 2 N in out flops each for y, dx and dW.
/// Error against double: in eps |x| |W| elementwise, as for any order of summation. N = 0 is legal: y is empty,
/// gradients get nothing. Source: torch.nn.Linear; Hugging Face pytorch_utils.py, Conv1D.
/// </summary>
/// <param name="layout">How W is stored.</param>
public sealed unsafe partial class Linear<T>(WeightLayout layout = WeightLayout.OutIn) : Op<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly bool _outIn = layout == WeightLayout.OutIn;

    /// <inheritdoc/>
    public override string Name => "Linear";

    /// <inheritdoc/>
    public override bool Reads(int input, int gradient) => (input, gradient) is (0, 1) or (1, 0);

    /// <inheritdoc/>
    public override bool Overwrites(int input) => input == 0;

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x)
    {
        if (x.Length is 2 or 3)
        {
            var (outputs, inputs) = _outIn ? (x[1].Rows, x[1].Columns) : (x[1].Columns, x[1].Rows);
            if (x[0].Columns == inputs && (x.Length == 2 || x[2] == Shape.Vector(outputs)))
                return new(x[0].Rows, outputs);
        }

        string weight = _outIn ? "W (out, in)" : "W (in, out)";
        throw new ShapeException(Name, x, $"x (N, in), {weight} and, if any, b (1, out)");
    }

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        View<T> x = f.X(0), w = f.X(1), y = f.Y;
        bool hasBias = f.Inputs == 3;
        if (hasBias)
            FillRows(f.Workers, f.X(2), y);
        Matmul.Multiply(
            f.Workers, y.Rows, y.Columns, x.Columns, T.One, x.Address, x.Columns, false, w.Address, w.Columns, _outIn,
            y.Address, y.Columns, accumulate: hasBias);
    }

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        View<T> x = f.X(0), w = f.X(1), dy = f.Dy;
        int rows = x.Rows, inputs = x.Columns, outputs = dy.Columns;
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
            ColumnSums.Add(f.Workers, dy, f.Dx(2));
    }

    internal static void FillRows(Workers workers, View<T> bias, View<T> y) =>
        workers.Blocks(y.Rows, Cut.Rows, (first, end) =>
        {
            for (int row = first; row < end; row++)
                bias.Span.CopyTo(y.Row(row));
        });
}
