using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y_i = the column of the largest logit of row i, the lowest such column if several share it, or -1 if a logit is NaN.
/// X: logits (N, V), with V from 1 to 2^24, so that every column number is exact in T. Y: (N, 1). The result is exact.
/// Forward only. Greedy decoding uses it to bring token ids to the host instead of logits.
/// </summary>
public sealed partial class GreedyToken<T> : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int MostColumns = 1 << 24;

    /// <inheritdoc/>
    public override string Name => "GreedyToken";

    /// <summary>The column of the largest logit of one row, by the same rule.</summary>
    public static int Of(ReadOnlySpan<T> logits)
    {
        int best = 0;
        for (int id = 0; id < logits.Length; id++)
        {
            if (T.IsNaN(logits[id]))
                return -1;
            if (logits[id] > logits[best])
                best = id;
        }

        return best;
    }

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) => x is [{ Columns: > 0 and <= MostColumns } logits]
        ? new(logits.Rows, 1)
        : throw new ShapeException(Name, x, $"logits (N, V), V from 1 to {MostColumns}");

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        View<T> x = f.X(0), y = f.Y;
        f.Workers.Blocks(x.Rows, 1, (start, end) =>
        {
            for (int row = start; row < end; row++)
                y.Span[row] = T.CreateChecked(Of(x.Row(row)));
        });
    }

    /// <summary>Not available: the op runs forward only.</summary>
    /// <exception cref="InvalidOperationException">Always.</exception>
    public override void Backward(CpuFrame<T> f) => throw new InvalidOperationException($"{Name} runs forward only.");
}
