using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y = x W' + b. X: x (N, in), W (out, in) or, if stored <see cref="WeightLayout.InOut"/>, (in, out) with y = x W + b,
/// and optionally b (1, out). Y: (N, out). Backward: dx = dy W, dW = dy' x, and db = the sum of the rows of dy. Each of
/// y, dx and dW takes 2 N in out flops. Error against double: in eps of |x| |W|, element by element, whatever the order
/// of summation. N = 0 is legal: y is empty and the gradients get nothing. Source: torch.nn.Linear; Hugging Face
/// pytorch_utils.py, Conv1D.
/// </summary>
/// <param name="layout">How W is stored.</param>
public sealed partial class Linear<T>(WeightLayout layout = WeightLayout.OutIn) : Op<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "Linear";

    /// <inheritdoc/>
    public override bool Reads(int input, int gradient) => (input, gradient) is (0, 1) or (1, 0);

    /// <inheritdoc/>
    public override bool Overwrites(int input) => input == 0;

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x)
    {
        if (x is [var input, var weight, ..])
        {
            var w = layout.InByOut(weight);
            if (input.Columns == w.Rows && (x.Length == 2 || (x.Length == 3 && x[2] == Shape.Vector(w.Columns))))
                return new(input.Rows, w.Columns);
        }

        throw new ShapeException(Name, x, $"x (N, in), {layout.Extents()} and, if any, b (1, out)");
    }

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f) => Forward(f, bias: 2);

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f) => Backward(f, bias: 2);

    /// <summary>
    /// y = x W + b, with W as (in, out), where b is the input with the number <paramref name="bias"/> if the call has
    /// that many.
    /// </summary>
    internal void Forward(CpuFrame<T> f, int bias)
    {
        bool hasBias = f.Inputs > bias;
        if (hasBias)
            Bias.Fill(f, f.X(bias), f.Y);
        Matmul.Multiply(f.Workers, T.One, f.X(0), layout.InByOut(f.X(1)), f.Y, accumulate: hasBias);
    }

    /// <summary>The gradients of x, W and b.</summary>
    internal void Backward(CpuFrame<T> f, int bias)
    {
        if (f.Wants(0))
            Matmul.Multiply(
                f.Workers, T.One, f.Dy, layout.InByOut(f.X(1)).Transposed(), f.Dx(0), accumulate: f.Adds(0));
        if (f.Wants(1))
            Matmul.Multiply(
                f.Workers, T.One, f.X(0).Transposed(), f.Dy, layout.InByOut(f.Dx(1)), accumulate: true);
        if (f.Wants(bias))
            Bias.AddGradient(f, f.Dy, f.Dx(bias));
    }
}
