using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace VaccineRef.Kernels;

/// <summary>The two formulas that are both called GELU.</summary>
public enum GeluForm
{
    /// <summary>
    /// y = x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), which Hugging Face calls "gelu_new" and GPT-2 uses.
    /// </summary>
    Tanh,

    /// <summary>
    /// y = x Phi(x), where Phi is the distribution function of the standard normal distribution. Hugging Face calls it
    /// "gelu".
    /// </summary>
    Erf,
}

/// <summary>
/// The Gaussian error linear unit. X: x, of any shape. Y: the same shape.
/// The tanh form is computed as x s, where s = 1 / (1 + exp(-2 u)) and u = sqrt(2 / pi) (x + 0.044715 x^3). This equals
/// the formula with tanh and keeps its digits where x is far below 0. Backward: dx = dy (s + 2 x s (1 - s) u'). The erf
/// form is computed in double. Backward: dx = dy (Phi(x) + x Phi'(x)).
/// Error against double: for the tanh form (8 + 4 x^2) eps of |y| and of the terms of |dx|; for the erf form 2 eps. NaN
/// stays in its element. |x| may be up to 1e12. Source: Hendrycks and Gimpel, arXiv 1606.08415; Hugging Face
/// activations.py, NewGELUActivation.
/// </summary>
/// <param name="form">Which of the two formulas.</param>
public sealed partial class Gelu<T>(GeluForm form) : Map<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly double Slope = Math.Sqrt(8 / Math.PI);          // 2 u' at 0
    private const double Cubic = 0.044715;

    /// <inheritdoc/>
    public override string Name => "Gelu";

    /// <inheritdoc/>
    public override bool IsCheap => form == GeluForm.Tanh;

    /// <inheritdoc/>
    protected override void Value(ReadOnlySpan<T> x, Span<T> y)
    {
        if (form == GeluForm.Tanh)
        {
            Gate(x, y);
            TensorPrimitives.Multiply(y, x, y);
            return;
        }

        for (int i = 0; i < x.Length; i++)
        {
            double v = double.CreateTruncating(x[i]);
            y[i] = T.CreateTruncating(v * ErrorFunction.Normal(v));
        }
    }

    /// <inheritdoc/>
    [SkipLocalsInit]
    protected override void AddGradient(ReadOnlySpan<T> x, ReadOnlySpan<T> dy, Span<T> dx)
    {
        Span<T> factor = (stackalloc T[BlockSizes.Strip])[..x.Length];
        if (form == GeluForm.Tanh)
            TanhSlope(x, factor);
        else
            for (int i = 0; i < x.Length; i++)
            {
                double v = double.CreateTruncating(x[i]);
                factor[i] = T.CreateTruncating(
                    ErrorFunction.Normal(v) + (v * Math.Exp(-0.5 * v * v) / Math.Sqrt(2 * Math.PI)));
            }

        TensorPrimitives.MultiplyAdd(factor, dy, dx, dx);
    }

    /// <summary>Computes s = sigmoid(2 u).</summary>
    private static void Gate(ReadOnlySpan<T> x, Span<T> s)
    {
        TensorPrimitives.Multiply(x, x, s);
        TensorPrimitives.Multiply(s, T.CreateChecked(Slope * Cubic), s);
        TensorPrimitives.Add(s, T.CreateChecked(Slope), s);
        TensorPrimitives.Multiply(s, x, s);
        TensorPrimitives.Sigmoid(s, s);
    }

    /// <summary>Computes the derivative s + 2 x s (1 - s) u', where 2 x u' = Slope (x + 3 Cubic x^3).</summary>
    [SkipLocalsInit]
    private static void TanhSlope(ReadOnlySpan<T> x, Span<T> slope)
    {
        Span<T> s = (stackalloc T[BlockSizes.Strip])[..x.Length], rest = (stackalloc T[BlockSizes.Strip])[..x.Length];
        Gate(x, s);
        TensorPrimitives.Subtract(T.One, s, rest);
        TensorPrimitives.Multiply(x, x, slope);
        TensorPrimitives.Multiply(slope, T.CreateChecked(3 * Slope * Cubic), slope);
        TensorPrimitives.Add(slope, T.CreateChecked(Slope), slope);
        TensorPrimitives.Multiply(slope, x, slope);
        TensorPrimitives.Multiply(slope, rest, slope);
        TensorPrimitives.MultiplyAdd(slope, s, s, slope);
    }
}
