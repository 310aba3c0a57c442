using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// X0 = W += scale B A, where X1 = B (out, r) and X2 = A (r, in): this merges a LoRA adapter into its weight, and with
/// -scale takes it out again. W is (out, in) or, if stored <see cref="WeightLayout.InOut"/>, (in, out), where W +=
/// scale A' B'. Source: Hu et al., arXiv 2106.09685, section 4.1.
/// </summary>
/// <param name="scale">The factor of the adapter, alpha / r.</param>
/// <param name="layout">How W is stored.</param>
public sealed partial class AddProduct<T>(double scale, WeightLayout layout = WeightLayout.OutIn) : Routine<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "AddProduct";

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        Matmul.Multiply(
            f.Workers, T.CreateChecked(scale), f.X(2).Transposed(), f.X(1).Transposed(), layout.InByOut(f.X(0)),
            accumulate: true);
        return 0;
    }
}
