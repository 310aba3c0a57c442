using System.Numerics;
using System.Numerics.Tensors;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y = the columns of x from <paramref name="first"/> on. It takes queries, keys and values out of the output of one
/// fused projection. X: x (N, C). Y: (N, count). Backward: dx[:, first + c] += dy[:, c]. The result is exact. NaN stays
/// in its element. N = 0 is legal. Source: torch.Tensor.split; Hugging Face modeling_gpt2.py, GPT2Attention.
/// </summary>
/// <param name="first">The first column.</param>
/// <param name="count">The number of columns.</param>
public sealed partial class Columns<T>(int first, int count) : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "Columns";

    /// <inheritdoc/>
    public override bool Reads(int input, int gradient) => false;

    /// <inheritdoc/>
    public override bool IsCheap => true;

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) =>
        x is [var all] && first >= 0 && count >= 0 && all.Columns - count >= first
            ? new(all.Rows, count)
            : throw new ShapeException(Name, x, $"x (N, C) with C at least {first} + {count}");

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        View<T> x = f.X(0), y = f.Y;
        f.Workers.Blocks(y.Rows, BlockSizes.Rows, (start, end) =>
        {
            for (int row = start; row < end; row++)
                x.Row(row).Slice(first, count).CopyTo(y.Row(row));
        });
    }

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        if (!f.Wants(0))
            return;
        View<T> dx = f.Dx(0), dy = f.Dy;
        f.Workers.Blocks(dy.Rows, BlockSizes.Rows, (start, end) =>
        {
            for (int row = start; row < end; row++)
            {
                var target = dx.Row(row).Slice(first, count);
                TensorPrimitives.Add(target, dy.Row(row), target);
            }
        });
    }
}
