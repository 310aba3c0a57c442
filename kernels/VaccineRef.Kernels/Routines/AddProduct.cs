using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// X0 = W += scale B A with X1 = B (out, r) and X2 = A (r, in): LoRA's merge; with -scale, its undoing. W is (out, in),
/// or (in, out) for <see cref="WeightLayout.InOut"/>, where W += scale A' B'. Source: Hu et al., arXiv 2106.09685,
/// section 4.1.
/// </summary>
/// <param name="scale">alpha / r.</param>
/// <param name="layout">How W is stored.</param>
public sealed unsafe partial class AddProduct<T>(double scale, WeightLayout layout = WeightLayout.OutIn) : Routine<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "AddProduct";

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        View<T> w = f.X(0), b = f.X(1), a = f.X(2);
        T factor = T.CreateChecked(scale);
        if (layout == WeightLayout.OutIn)
            Matmul.Multiply(
                f.Workers, w.Rows, w.Columns, a.Rows, factor, b.Address, b.Columns, false, a.Address, a.Columns, false,
                w.Address, w.Columns, accumulate: true);
        else
            Matmul.Multiply(
                f.Workers, w.Rows, w.Columns, a.Rows, factor, a.Address, a.Columns, true, b.Address, b.Columns, true,
                w.Address, w.Columns, accumulate: true);
        return 0;
    }
}
