using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels.Tests;

public sealed unsafe class MatmulTests : IDisposable
{
    // Both the kernel and, for double, the oracle obey |error| <= (k + 1) eps (|c| + |alpha| sum |a||b|).
    private const double FloatEpsilon = 1.0 / (1 << 23), DoubleEpsilon = 2 * (1.0 / (1L << 52));

    private readonly Workers _workers = new(2);

    public void Dispose() => _workers.Dispose();

    [Property(MaxTest = 150, Arbitrary = [typeof(Generators)])]
    public void Float_is_within_its_bound(Small m, Small n, Small k, Layout layout, int seed) =>
        Check<float>(new Case(m.Get, n.Get, k.Get, layout, seed), FloatEpsilon);

    [Property(MaxTest = 150, Arbitrary = [typeof(Generators)])]
    public void Double_is_within_its_bound(Small m, Small n, Small k, Layout layout, int seed) =>
        Check<double>(new Case(m.Get, n.Get, k.Get, layout, seed), DoubleEpsilon);

    [Property(MaxTest = 100, Arbitrary = [typeof(Generators)])]
    public void Thin_products_are_within_their_bound(
        Small m, Small n, Small k, bool transposeB, bool accumulate, int seed)
    {
        var layout = new Layout(false, transposeB, accumulate, 1.5, 3, 1, 2);
        Check<float>(new Case(m.Get % 9 + 1, 5 * n.Get, 5 * k.Get, layout, seed), FloatEpsilon);
        Check<double>(new Case(m.Get % 9 + 1, 5 * n.Get, 5 * k.Get, layout, seed), DoubleEpsilon);
    }

    [Theory]                                // every border between chunks, both operands packed or not
    [InlineData(1, 2100, 70)]
    [InlineData(33, 2100, 150)]
    [InlineData(4040, 35, 9)]
    [InlineData(40, 50, 1600)]
    [InlineData(400, 390, 400)]
    public void Products_beyond_one_chunk_are_within_their_bound(int m, int n, int k)
    {
        foreach (bool transposeA in (bool[])[false, true])
        {
            foreach (bool transposeB in (bool[])[false, true])
            {
                var layout = new Layout(transposeA, transposeB, transposeA, -0.75, 1, 0, 5);
                Check<float>(new Case(m, n, k, layout, 1), FloatEpsilon, step: 13);
                Check<double>(new Case(m, n, k, layout, 1), DoubleEpsilon, step: 13);
            }
        }
    }

    [Property(MaxTest = 20, Arbitrary = [typeof(Generators)])]
    public void Other_element_types_work_too(Small m, Small n, Small k, Layout layout, int seed) =>
        Check<Half>(new Case(m.Get, n.Get, k.Get, layout, seed), 1.0 / (1 << 10));

    [Theory]
    [InlineData(70, 65, 400)]
    [InlineData(400, 390, 401)]
    [InlineData(3, 900, 300)]
    [InlineData(17, 2500, 64)]
    public void The_bits_do_not_depend_on_the_team(int m, int n, int k)
    {
        foreach (bool transposeA in (bool[])[false, true])
        {
            foreach (bool transposeB in (bool[])[false, true])
            {
                var x = new Case(m, n, k, new Layout(transposeA, transposeB, true, 1, 0, 0, 0), 7);
                var results = ((int[])[1, 2, 3, 5]).Select(threads =>
                {
                    using var workers = new Workers(threads);
                    return x.Multiply<float>(workers).C;
                }).ToArray();
                Assert.All(results, c => Assert.True(c.AsSpan().SequenceEqual(results[0])));
            }
        }
    }

    [Fact]
    public void Nothing_is_allocated_once_warm()
    {
        float[] a = new float[200 * 100], b = new float[100 * 300], c = new float[200 * 300];
        fixed (float* pa = a, pb = b, pc = c)
        {
            void Once(float* a, float* b, float* c)
            {
                var w = new Matrix<float>(b, 300, 100, 100).Transposed();
                Matmul.Multiply(_workers, 1, new(a, 200, 100, 100), w, new(c, 200, 300, 300), false);
                Matmul.Multiply(_workers, 1, new(a, 2, 100, 100), w, new(c, 2, 300, 300), false);
            }

            Once(pa, pb, pc);
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 50; i++)
                Once(pa, pb, pc);
            Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        }
    }

    [Theory]
    [InlineData(5, false)]
    [InlineData(100, false)]
    [InlineData(5, true)]
    public void A_NaN_reaches_its_own_row_only(int m, bool transposeB)
    {
        var x = new Case(m, 40, 80, new Layout(false, transposeB, false, 1, 0, 0, 0), 3);
        var c = x.Multiply<float>(_workers, a => a[(2 * 80) + 79] = float.NaN).C;
        for (int i = 0; i < c.Length; i++)
            Assert.Equal(i / 40 == 2, float.IsNaN(c[i]));
    }

    // Looks at every element, or at every step-th of each row and column where the product is large.
    private void Check<T>(Case x, double epsilon, int step = 1) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (before, c) = x.Multiply<T>(_workers);
        double[] a = x.DrawA<double>(), b = x.DrawB<double>();
        var (m, n, k, layout, _) = x;
        (int rowA, int stepA) = layout.TransposeA ? (1, x.Lda) : (x.Lda, 1);
        (int columnB, int stepB) = layout.TransposeB ? (x.Ldb, 1) : (1, x.Ldb);
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                int at = (i * x.Ldc) + j;
                (T old, before[at]) = (before[at], c[at]);
                if ((i + j) % step != 0)
                    continue;
                double sum = 0, size = 0;
                for (int p = 0, pa = i * rowA, pb = j * columnB; p < k; p++, pa += stepA, pb += stepB)
                {
                    double term = a[pa] * b[pb];
                    sum += term;
                    size += Math.Abs(term);
                }
                double start = layout.Accumulate ? double.CreateChecked(old) : 0;
                double bound = (k + 1) * epsilon * (Math.Abs(start) + (Math.Abs(layout.Alpha) * size));
                double error = double.CreateChecked(c[at]) - (start + (layout.Alpha * sum));
                Assert.True(Math.Abs(error) <= bound, $"c[{i}, {j}]: error {error}, bound {bound} in {x}");
            }
        }
        Assert.True(before.AsSpan().SequenceEqual(c), $"written between the rows of C in {x}");
    }

    public readonly record struct Small(int Get);

    public readonly record struct Layout(
        bool TransposeA, bool TransposeB, bool Accumulate, double Alpha, int PadA, int PadB, int PadC);

    // C lies between two sentinel rows; the columns beyond n are sentinels as well.
    private sealed record Case(int M, int N, int K, Layout Layout, int Seed)
    {
        public int Lda => (Layout.TransposeA ? M : K) + Layout.PadA;

        public int Ldb => (Layout.TransposeB ? K : N) + Layout.PadB;

        public int Ldc => N + Layout.PadC;

        public T[] DrawA<T>() where T : INumberBase<T> => Draw<T>((Layout.TransposeA ? K : M) * Lda, 1);

        public T[] DrawB<T>() where T : INumberBase<T> => Draw<T>((Layout.TransposeB ? N : K) * Ldb, 2);

        public (T[] Before, T[] C) Multiply<T>(Workers workers, Action<T[]>? spoil = null)
            where T : unmanaged, IFloatingPointIeee754<T>
        {
            T[] a = DrawA<T>(), b = DrawB<T>(), framed = Draw<T>((M + 2) * Ldc, 3), before = [.. framed];
            spoil?.Invoke(a);
            fixed (T* pa = a, pb = b, pc = framed)
            {
                Matmul.Multiply(
                    workers, T.CreateChecked(Layout.Alpha), Of(pa, M, K, Lda, Layout.TransposeA),
                    Of(pb, K, N, Ldb, Layout.TransposeB), new(pc + Ldc, M, N, Ldc), Layout.Accumulate);
            }
            Assert.True(framed.AsSpan(0, Ldc).SequenceEqual(before.AsSpan(0, Ldc)), $"written before C in {this}");
            Assert.True(framed.AsSpan(^Ldc..).SequenceEqual(before.AsSpan(^Ldc..)), $"written behind C in {this}");
            return (before[Ldc..^Ldc], framed[Ldc..^Ldc]);
        }

        private static Matrix<T> Of<T>(T* start, int rows, int columns, int stride, bool isTransposed)
            where T : unmanaged => isTransposed
            ? new Matrix<T>(start, columns, rows, stride).Transposed()
            : new Matrix<T>(start, rows, columns, stride);

        // Multiples of 2^-8 in [-1, 1]: exact in every element type, so that all of them see the same operands.
        private T[] Draw<T>(int length, int stream) where T : INumberBase<T>
        {
            var random = new Random(unchecked((Seed * 31) + stream));
            var x = new T[length];
            foreach (ref T v in x.AsSpan())
                v = T.CreateChecked(random.Next(-256, 257) / 256.0);
            return x;
        }
    }

    public static class Generators
    {
        public static Arbitrary<Small> Smalls() => Arb.From(
            Gen.Choose(0, 70).Select(n => new Small(n)), x => Enumerable.Range(0, x.Get).Select(n => new Small(n)));

        public static Arbitrary<Layout> Layouts() => (
            from a in Gen.Elements(false, true)
            from b in Gen.Elements(false, true)
            from accumulate in Gen.Elements(false, true)
            from alpha in Gen.Elements(1, -0.5, 3, 0)
            from pads in Gen.ArrayOf(Gen.Choose(0, 9), 3)
            select new Layout(a, b, accumulate, alpha, pads[0], pads[1], pads[2])).ToArbitrary();
    }
}
