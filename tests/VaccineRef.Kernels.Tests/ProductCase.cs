using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Gpu;
using VaccineRef.Laws;

namespace VaccineRef.Kernels.Tests;

/// <summary>One product on a GPU, C = [C +] Alpha op(A) op(B), held to a bound against sums in double.</summary>
internal sealed record ProductCase(int M, int N, int K, bool TransposeA, bool TransposeB, bool Accumulate)
{
    public const double Alpha = -0.75;

    /// <summary>The layouts that linear layers need, with and without what was there before.</summary>
    public static IEnumerable<ProductCase> Of(int m, int n, int k) =>
        from layout in ((bool, bool)[])[(false, true), (false, false), (true, false), (true, true)]
        from accumulate in (bool[])[false, true]
        select new ProductCase(m, n, k, layout.Item1, layout.Item2, accumulate);

    /// <summary>The elements of B, all of them floats.</summary>
    public double[] B => Draw("B", N * K);

    /// <summary>C on a device. Everything else stays as it was.</summary>
    public double[] Run<T>(GpuDevice gpu, Routine<T> product) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var a = new Guarded<T>(gpu, TransposeA ? new(K, M) : new(M, K), Draw("A", M * K));
        using var b = new Guarded<T>(gpu, TransposeB ? new(N, K) : new(K, N), B);
        using var c = new Guarded<T>(gpu, new(M, N), Draw("C", M * N));
        gpu.Run(product, a.View, b.View, c.View);
        Assert.True(a.IsIntact && b.IsIntact && c.IsIntact);
        return c.Values;
    }

    /// <summary>|error| of every element at most inputs S + sums (|C| + S), S = |Alpha| sum |op(A)| |op(B)|.</summary>
    public void Require(double[] found, double inputs, double sums, string what)
    {
        double[] a = Draw("A", M * K), b = B, c = Draw("C", M * N);
        for (int i = 0; i < M; i++)
            for (int j = 0; j < N; j++)
            {
                double sum = Accumulate ? c[(i * N) + j] : 0, size = 0;
                for (int p = 0; p < K; p++)
                {
                    double x = a[TransposeA ? (p * M) + i : (i * K) + p], y = b[TransposeB ? (j * K) + p : (p * N) + j];
                    double term = Alpha * x * y;
                    (sum, size) = (sum + term, size + Math.Abs(term));
                }

                double allowed = (inputs * size) + (sums * (Math.Abs(sum) + size));
                Assert.True(
                    Math.Abs(sum - found[(i * N) + j]) <= allowed,
                    $"{what}, {this}, [{i}, {j}]: {sum:R} expected, {found[(i * N) + j]:R} found, "
                    + $"allowed {allowed:E1}");
            }
    }

    private static double[] Draw(string name, int count) =>
        [.. OpCase.Numbers(count, RandomStream.FromSeed(7).At(name)).Select(value => (double)(float)value)];
}
