using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>The matrix product on a GPU: one entry, and the choice between its kernels.</summary>
public static class GpuMatmul
{
    /// <summary>
    /// C = [accumulate] C + alpha op(A) op(B), with op(X) = X or its transpose. op(A): (m, k); op(B): (k, n); C: (m,
    /// n). C must not overlap A or B.
    /// <para>
    /// Error against exact arithmetic, for every element, with S = |alpha| sum over p of |op(A)| |op(B)| and eps = 2^-23
    /// (float) or 2^-52 (double), short of underflow: |error| &lt;= (k + 2) eps (|C| + S) as long as the device computes
    /// products in <see cref="MatmulPrecision.Float32"/>, and for m up to 8. In the others A and B are rounded first, by at most u of each
    /// number, u = 2^-11 (TF32) or 2^-8 (bfloat16, where a number above 3.39e38 becomes infinite), and tensor cores cut
    /// sums off where others round them: |error| &lt;= (2 u + u^2) S + 2 (k + 4) eps (|C| + S). The bits depend on m, n,
    /// k and the device; every run gives the same.
    /// </para>
    /// <para>
    /// NaN and infinity reach the elements of their row and column and no others. m or n = 0 does nothing; k = 0 leaves
    /// C, or clears it where <paramref name="accumulate"/> is false; then C is never read.
    /// </para>
    /// </summary>
    /// <param name="f">The call, whose scratch memory holds split sums.</param>
    /// <param name="alpha">Factor of the product.</param>
    /// <param name="a">A: (m, k), or (k, m) if <paramref name="transposeA"/>.</param>
    /// <param name="transposeA">Whether op(A) is the transpose of A.</param>
    /// <param name="b">B: (k, n), or (n, k) if <paramref name="transposeB"/>, as a linear layer keeps its
    /// weight.</param>
    /// <param name="transposeB">Whether op(B) is the transpose of B.</param>
    /// <param name="c">C: (m, n).</param>
    /// <param name="accumulate">Whether the product is added to C or replaces it.</param>
    /// <exception cref="InputException">
    /// The device computes products in a reduced precision, and T is double, which has none.
    /// </exception>
    public static void Multiply<T>(
        GpuFrame<T> f, T alpha, GpuView<T> a, bool transposeA, GpuView<T> b, bool transposeB, GpuView<T> c,
        bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (c.IsEmpty)
            return;
        var x = new GpuProduct(c.Rows, c.Columns, transposeA ? a.Rows : a.Columns, transposeA, transposeB);
        if (OnTensorCores(f, x))
            MultiplyOnTensorCores(
                Single(f), x, float.CreateTruncating(alpha), Single(a), new GpuElements<float>(Single(b)), Single(c),
                accumulate);
        else
            Multiply(f, x, alpha, new(a), new GpuElements<T>(b), c, accumulate);
    }

    /// <summary>C = [accumulate] C + A op(B), with B in bfloat16, widened on its way into shared memory.</summary>
    internal static void Multiply<T>(
        GpuFrame<T> f, GpuView<T> a, GpuView<ushort> b, bool transposeB, GpuView<T> c, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (c.IsEmpty)
            return;
        var x = new GpuProduct(c.Rows, c.Columns, a.Columns, transposeA: false, transposeB);
        if (OnTensorCores(f, x))
            MultiplyOnTensorCores(Single(f), x, 1, Single(a), new GpuBFloat16<float>(b), Single(c), accumulate);
        else
            Multiply(f, x, T.One, new(a), new GpuBFloat16<T>(b), c, accumulate);
    }

    private static void Multiply<T, TB>(
        GpuFrame<T> f, GpuProduct x, T alpha, GpuElements<T> a, TB b, GpuView<T> c, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TB : struct, IGpuElements<T>
    {
        if (x.M <= GpuRowProduct<T, TB>.MostRows)
            GpuRowProduct<T, TB>.Run(f, x, a, b, c, alpha, accumulate);
        else
            GpuTileProduct<T, TB>.Run(f, x, a, b, c, alpha, accumulate);
    }

    private static void MultiplyOnTensorCores<TB>(
        GpuFrame<float> f, GpuProduct x, float alpha, GpuView<float> a, TB b, GpuView<float> c, bool accumulate)
        where TB : struct, IGpuElements<float>
    {
        if (f.Precision == MatmulPrecision.Tf32)
            GpuTensorProduct<GpuElements<float>, TB, TensorCoreTf32>.Run(f, x, new(a), b, c, alpha, accumulate);
        else
            GpuTensorProduct<GpuElements<float>, TB, TensorCoreBFloat16>.Run(f, x, new(a), b, c, alpha, accumulate);
    }

    // A sum of nothing is no work for them; few rows, bound by the reading of B, gain nothing but errors.
    private static bool OnTensorCores<T>(GpuFrame<T> f, GpuProduct x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (f.Precision == MatmulPrecision.Float32)
            return false;
        if (typeof(T) != typeof(float))
            throw new InputException(
                "tensor cores do not multiply doubles in that precision", $"a product of {typeof(T).Name}",
                $"--matmul {Devices.Option(f.Precision)}", "--precision float, or --matmul float32");
        return x.K > 0 && x.M > GpuRowProduct<T, GpuElements<T>>.MostRows;
    }

    private static GpuFrame<float> Single<T>(GpuFrame<T> f) where T : unmanaged, IFloatingPointIeee754<T> =>
        (GpuFrame<float>)(object)f;

    private static GpuView<float> Single<T>(GpuView<T> view) where T : unmanaged =>
        new(view.Elements.Cast<float>(), view.Rows, view.Columns);
}
