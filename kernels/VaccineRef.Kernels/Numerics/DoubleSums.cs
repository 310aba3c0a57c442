using System.Numerics;
using System.Runtime.InteropServices;

namespace VaccineRef.Kernels;

/// <summary>
/// Sums in double, whatever the type of the elements, because a sum over many rows must not lose digits. The order of
/// addition depends on the length alone, not on where the elements lie. A product of two floats is exact in double.
/// </summary>
internal static class DoubleSums
{
    /// <summary>The sum of x.</summary>
    public static double Sum<T>(ReadOnlySpan<T> x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sum = Vector<double>.Zero;
        int i = 0;
        for (; i <= x.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            var (low, high) = Widen(x, i);
            sum += low + high;
        }

        double total = Vector.Sum(sum);
        for (; i < x.Length; i++)
            total += double.CreateTruncating(x[i]);
        return total;
    }

    /// <summary>The sum of x y over two runs of the same length.</summary>
    public static double Dot<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Vector<double> first = default, second = default;
        int i = 0;
        for (; i <= x.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            var (xLow, xHigh) = Widen(x, i);
            var (yLow, yHigh) = Widen(y, i);
            first += xLow * yLow;
            second += xHigh * yHigh;
        }

        double total = Vector.Sum(first + second);
        for (; i < x.Length; i++)
            total += double.CreateTruncating(x[i]) * double.CreateTruncating(y[i]);
        return total;
    }

    /// <summary>
    /// Elements i and following of x, one vector of them, as double: one vector of double for double, and the second
    /// zero; two for float.
    /// </summary>
    private static (Vector<double> Low, Vector<double> High) Widen<T>(ReadOnlySpan<T> x, int i) where T : unmanaged
    {
        if (typeof(T) == typeof(float))
        {
            Vector.Widen(new Vector<float>(MemoryMarshal.Cast<T, float>(x)[i..]), out var low, out var high);
            return (low, high);
        }

        return (new Vector<double>(MemoryMarshal.Cast<T, double>(x)[i..]), Vector<double>.Zero);
    }
}
