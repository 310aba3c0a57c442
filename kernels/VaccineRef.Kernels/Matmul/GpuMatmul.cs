using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>The matrix product on a GPU: the entry, and the choice between its kernels.</summary>
public static class GpuMatmul
{
    /// <summary>
    /// C = alpha A B, or C += alpha A B. A is (m, k), B is (k, n) and C is (m, n); any of them may be a transpose
    /// (<see cref="GpuMatrix{T}.Transposed"/>). C must not overlap A or B.
    /// <para>
    /// Error against exact arithmetic, for every element, with S = |alpha| sum over p of |A_ip| |B_pj|, eps = 2^-23
    /// (float) or 2^-52 (double), and nothing that underflows. Where the device computes products in
    /// <see cref="MatmulPrecision.Float32"/>, and in every precision for m up to 8: |error| &lt;= (k + 2) eps (|C| +
    /// S). In the other precisions A and B are rounded first, by at most u of each number, with u = 2^-11 (TF32) or
    /// 2^-8 (bfloat16, where a number above 3.39e38 becomes infinite), and tensor cores truncate sums that other
    /// hardware rounds: |error| &lt;= (2 u + u^2) S + 2 (k + 4) eps (|C| + S). The bits depend on m, n, k and the
    /// device, and are the same in every run.
    /// </para>
    /// <para>
    /// NaN and infinity reach the elements of their row and column and no others. If m or n is 0, nothing happens. If k
    /// is 0, C is left as it is, or set to 0 where <paramref name="accumulate"/> is false. C is read only where
    /// <paramref name="accumulate"/> is true.
    /// </para>
    /// </summary>
    /// <param name="f">The call, whose scratch memory holds the parts of sums that are split among groups.</param>
    /// <param name="alpha">The factor of the product.</param>
    /// <param name="a">A, (m, k).</param>
    /// <param name="b">B, (k, n).</param>
    /// <param name="c">C, (m, n).</param>
    /// <param name="accumulate">Whether the product is added to C or replaces it.</param>
    /// <exception cref="InputException">
    /// The device computes products in a reduced precision, and T is double, which has none.
    /// </exception>
    public static void Multiply<T>(
        GpuFrame<T> f, T alpha, GpuMatrix<T> a, GpuMatrix<T> b, GpuMatrix<T> c, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (c.IsTransposed)
            (a, b, c) = (b.Transposed(), a.Transposed(), c.Transposed());       // C' = B' A' has the same sums
        if (c.View.IsEmpty)
            return;
        var x = new GpuProduct(c.Rows, c.Columns, a.Columns, a.IsTransposed, b.IsTransposed);
        if (OnTensorCores(f, x))
            MultiplyOnTensorCores(
                Single(f), x, float.CreateTruncating(alpha), Single(a.View), new GpuElements<float>(Single(b.View)),
                Single(c.View), accumulate);
        else
            Multiply(f, x, alpha, new(a.View), new GpuElements<T>(b.View), c.View, accumulate);
    }

    /// <summary>C = A B, or C += A B, with B in bfloat16, which is widened on its way into shared memory.</summary>
    internal static void Multiply<T>(
        GpuFrame<T> f, GpuView<T> a, GpuMatrix<ushort> b, GpuView<T> c, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (c.IsEmpty)
            return;
        var x = new GpuProduct(c.Rows, c.Columns, a.Columns, transposeA: false, b.IsTransposed);
        if (OnTensorCores(f, x))
            MultiplyOnTensorCores(
                Single(f), x, 1, Single(a), new GpuBFloat16<float>(b.View), Single(c), accumulate);
        else
            Multiply(f, x, T.One, new(a), new GpuBFloat16<T>(b.View), c, accumulate);
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

    // Tensor cores cannot sum nothing. With few rows, where reading B takes the time, they would only add errors.
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
