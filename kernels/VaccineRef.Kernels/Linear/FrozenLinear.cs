using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// A linear layer, with or without a low-rank adapter, whose weight is frozen and kept in bfloat16: y = x W' + scaling
/// low B' + b. The op holds W itself, because no gradient is ever asked for it, and widens it one block at a time. X: x
/// (N, in), optionally low (N, r) with B (out, r), and optionally b (1, out). Y: (N, out). Backward: as
/// <see cref="AdaptedLinear{T}"/>, without dW. Error against double on the widened weight: in + r + 2 eps of |x| |W| +
/// |scaling low| |B| + |b|, element by element. N = 0 is legal. Source: PEFT's LoraLayer over a base model in bfloat16.
/// </summary>
/// <param name="weight">
/// W (out, in) or, if stored <see cref="WeightLayout.InOut"/>, (in, out), on the device that the op runs on. It must
/// stay valid as long as the op is used.
/// </param>
/// <param name="layout">How W is stored; B is always (out, r).</param>
/// <param name="scaling">The factor of the adapter.</param>
public sealed unsafe partial class FrozenLinear<T>(
    View<ushort> weight, WeightLayout layout = WeightLayout.OutIn, double scaling = 0) : Op<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int BlockBytes = 1 << 20;             // what is widened at a time stays in the second-level cache

    private readonly LowRankTerm<T> _adapter = new(scaling, low: 1);

    /// <inheritdoc/>
    public override string Name => "FrozenLinear";

    /// <inheritdoc/>
    public override bool Reads(int input, int gradient) => (input, gradient) is (1, 2) or (2, 1);

    /// <inheritdoc/>
    public override bool Overwrites(int input) => input == 0;       // input 1 may be the bias

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x)
    {
        var (inputs, outputs) = layout.InByOut(weight.Shape);
        bool bias = BiasInput(x.Length) > 0;
        if (x.Length is >= 1 and <= 4 && x[0].Columns == inputs && (!bias || x[^1] == Shape.Vector(outputs))
            && (!HasAdapter(x.Length) || (x[1].Rows == x[0].Rows && x[2] == new Shape(outputs, x[1].Columns))))
            return new(x[0].Rows, outputs);
        throw new ShapeException(
            Name, x, $"x (N, {inputs}), if any low (N, r) with B ({outputs}, r), and, if any, b (1, {outputs})");
    }

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        int bias = BiasInput(f.Inputs);
        if (bias > 0)
            Bias.Fill(f, f.X(bias), f.Y);
        Multiply(f.Workers, f.X(0), transposed: layout == WeightLayout.OutIn, f.Y, accumulate: bias > 0);
        if (HasAdapter(f.Inputs))
            _adapter.AddTo(f);
    }

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        if (f.Wants(0))
            Multiply(f.Workers, f.Dy, transposed: layout == WeightLayout.InOut, f.Dx(0), f.Adds(0));
        if (HasAdapter(f.Inputs))
            _adapter.Backward(f);
        int bias = BiasInput(f.Inputs);
        if (bias > 0 && f.Wants(bias))
            Bias.AddGradient(f, f.Dy, f.Dx(bias));
    }

    /// <summary>The number of the input b; 0 without one.</summary>
    private static int BiasInput(int inputs) => inputs % 2 == 0 ? inputs - 1 : 0;

    private static bool HasAdapter(int inputs) => inputs > 2;

    /// <summary>
    /// to = from W, or from W' if <paramref name="transposed"/>, with W as it is stored, one block of its rows at a
    /// time; or to += the same.
    /// </summary>
    private void Multiply(Workers workers, Matrix<T> from, bool transposed, Matrix<T> to, bool accumulate) =>
        ForBlocks(workers, (first, w) =>
        {
            if (transposed)             // a block of W's rows gives a block of columns of the result,
                Matmul.Multiply(workers, T.One, from, w.Transposed(), to.ColumnBlock(first, w.Rows), accumulate);
            else                        // or takes a block of columns of the operand
                Matmul.Multiply(workers, T.One, from.ColumnBlock(first, w.Rows), w, to, accumulate || first > 0);
        });

    /// <summary>
    /// Calls body(first, w) for every block of rows of W, where w is the block, widened, and first is its first row.
    /// </summary>
    private void ForBlocks(Workers workers, Action<int, Matrix<T>> body)
    {
        int columns = weight.Columns;
        int block = Math.Clamp(BlockBytes / (Math.Max(1, columns) * sizeof(T)), 1, Math.Max(1, weight.Rows));
        using var scratch = workers.Rent((long)block * columns * sizeof(T));
        T* wide = (T*)scratch.Start;
        for (int first = 0; first < weight.Rows; first += block)
        {
            int rows = Math.Min(block, weight.Rows - first), start = first;
            workers.Blocks(rows, BlockSizes.Rows, (from, end) => BFloat16.Widen(
                new ReadOnlySpan<ushort>(weight.Address + ((nint)(start + from) * columns), (end - from) * columns),
                new Span<T>(wide + ((nint)from * columns), (end - from) * columns)));
            body(first, new Matrix<T>(wide, rows, columns, columns));
        }
    }
}
