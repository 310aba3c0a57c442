using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace VaccineRef.Bench;

/// <summary>What this machine can do at most, measured: the yardstick of every fraction in the tables.</summary>
internal static unsafe class MachinePeak
{
    private const int Chains = 12, Tries = 7, Alignment = 64;

    /// <summary>
    /// GFLOP/s of fused multiply-adds in float, in registers, on all threads at once: the best of a few tries. Twelve
    /// independent chains hide a latency of four cycles on two units with room to spare; where vectors have 128 bits,
    /// each chain is two.
    /// </summary>
    public static double MultiplyAdds(int threads)
    {
        const int Repeats = 10_000_000;
        bool wide = Vector512.IsHardwareAccelerated;
        int lanes = wide ? Vector512<float>.Count : Vector256<float>.Count;
        float sink = 0;                                  // somebody has to want the result
        double seconds = Best(threads, _ => sink += wide ? Chain512(Repeats) : Chain256(Repeats));
        GC.KeepAlive(sink);
        return 2.0 * Chains * lanes * Repeats * threads / seconds / 1e9;
    }

    /// <summary>
    /// GB/s of a copy between buffers far larger than the caches, on all threads at once, what is read and what is
    /// written both counted: the best of a few tries.
    /// </summary>
    public static double Copy(int threads)
    {
        const long Bytes = 256L << 20;
        long share = Bytes / threads / (2 * Alignment) * (2 * Alignment);
        byte* from = (byte*)NativeMemory.AlignedAlloc((nuint)Bytes, Alignment);
        byte* to = (byte*)NativeMemory.AlignedAlloc((nuint)Bytes, Alignment);
        try
        {
            NativeMemory.Fill(from, (nuint)Bytes, 1);
            NativeMemory.Fill(to, (nuint)Bytes, 2);                          // pages are there before the clock runs
            double seconds = Best(threads, i => Stream(from + (i * share), to + (i * share), share));
            return 2.0 * share * threads / seconds / 1e9;
        }
        finally
        {
            NativeMemory.AlignedFree(from);
            NativeMemory.AlignedFree(to);
        }
    }

    /// <summary>Seconds from the start of the first thread's work to the end of the last's.</summary>
    private static double Best(int threads, Action<int> work)
    {
        double best = double.MaxValue;
        for (int attempt = 0; attempt < Tries; attempt++)
        {
            using var barrier = new Barrier(threads);
            long start = 0;
            var team = Enumerable.Range(0, threads).Select(i => new Thread(() =>
            {
                barrier.SignalAndWait();
                Interlocked.CompareExchange(ref start, Stopwatch.GetTimestamp(), 0);
                work(i);
            })).ToArray();
            foreach (var thread in team)
                thread.Start();
            foreach (var thread in team)
                thread.Join();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Chain512(int repeats)
    {
        Vector512<float> x = Vector512.Create(0.999f), y = Vector512.Create(0.001f);
        Vector512<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (int n = 0; n < repeats; n++)
        {
            a = Vector512.FusedMultiplyAdd(a, x, y);
            b = Vector512.FusedMultiplyAdd(b, x, y);
            c = Vector512.FusedMultiplyAdd(c, x, y);
            d = Vector512.FusedMultiplyAdd(d, x, y);
            e = Vector512.FusedMultiplyAdd(e, x, y);
            f = Vector512.FusedMultiplyAdd(f, x, y);
            g = Vector512.FusedMultiplyAdd(g, x, y);
            h = Vector512.FusedMultiplyAdd(h, x, y);
            i = Vector512.FusedMultiplyAdd(i, x, y);
            j = Vector512.FusedMultiplyAdd(j, x, y);
            k = Vector512.FusedMultiplyAdd(k, x, y);
            l = Vector512.FusedMultiplyAdd(l, x, y);
        }

        return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Chain256(int repeats)
    {
        Vector256<float> x = Vector256.Create(0.999f), y = Vector256.Create(0.001f);
        Vector256<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (int n = 0; n < repeats; n++)
        {
            a = Vector256.FusedMultiplyAdd(a, x, y);
            b = Vector256.FusedMultiplyAdd(b, x, y);
            c = Vector256.FusedMultiplyAdd(c, x, y);
            d = Vector256.FusedMultiplyAdd(d, x, y);
            e = Vector256.FusedMultiplyAdd(e, x, y);
            f = Vector256.FusedMultiplyAdd(f, x, y);
            g = Vector256.FusedMultiplyAdd(g, x, y);
            h = Vector256.FusedMultiplyAdd(h, x, y);
            i = Vector256.FusedMultiplyAdd(i, x, y);
            j = Vector256.FusedMultiplyAdd(j, x, y);
            k = Vector256.FusedMultiplyAdd(k, x, y);
            l = Vector256.FusedMultiplyAdd(l, x, y);
        }

        return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    // Past the caches: stores that do not read the line first move the least there is to move.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Stream(byte* from, byte* to, long bytes)
    {
        for (long i = 0; i < bytes; i += 2 * Alignment)
        {
            Vector512<byte> a = Vector512.Load(from + i), b = Vector512.Load(from + i + Alignment);
            a.StoreAlignedNonTemporal(to + i);
            b.StoreAlignedNonTemporal(to + i + Alignment);
        }
    }
}
