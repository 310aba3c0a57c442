using System.Numerics;
using System.Numerics.Tensors;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// Shortens every row of X0 that is longer than a radius to that radius, in place; other rows keep their bits. The
/// length of a row is summed in double. Error: 3 eps of the row. A row with NaN stays as it is. Source: the projection
/// onto the ball of a token in latent adversarial training, arXiv 2407.15549.
/// </summary>
/// <param name="radius">The radius, above 0.</param>
public sealed partial class ClipRows<T>(double radius) : Routine<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "ClipRows";

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        var x = f.X(0);
        f.Workers.Blocks(x.Rows, BlockSizes.Rows, (first, end) =>
        {
            for (int row = first; row < end; row++)
            {
                var values = x.Row(row);
                double length = Math.Sqrt(DoubleSums.Dot<T>(values, values));
                if (length > radius)
                    TensorPrimitives.Multiply(values, T.CreateChecked(radius / length), values);
            }
        });
        return 0;
    }
}
