using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// X1 += a X0^2, element by element: this is how the diagonal of the Fisher information is accumulated over batches.
/// Error: 2 eps of |X1| + |a| X0^2. Source: Kirkpatrick et al., arXiv 1612.00796.
/// </summary>
/// <param name="factor">The factor a.</param>
public sealed partial class AddSquares<T>(double factor) : Routine<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T _factor = T.CreateChecked(factor);

    /// <inheritdoc/>
    public override string Name => "AddSquares";

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        View<T> x = f.X(0), sum = f.X(1);
        f.Workers.Blocks(checked((int)x.Shape.Count), BlockSizes.Strip, [SkipLocalsInit] (first, end) =>
        {
            Span<T> squares = stackalloc T[BlockSizes.Strip];
            for (int start = first; start < end; start += BlockSizes.Strip)
            {
                int count = Math.Min(BlockSizes.Strip, end - start);
                Span<T> part = x.Span.Slice(start, count), target = sum.Span.Slice(start, count);
                TensorPrimitives.Multiply<T>(part, part, squares);
                TensorPrimitives.MultiplyAdd(squares[..count], _factor, target, target);
            }
        });
        return 0;
    }
}
