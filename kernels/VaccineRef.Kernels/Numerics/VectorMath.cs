using System.Numerics;
using System.Runtime.CompilerServices;

namespace VaccineRef.Kernels;

/// <summary>
/// Functions of vectors that <see cref="Vector"/> lacks for a generic element. <c>TensorPrimitives.Exp</c> will not do:
/// in double, one lane that is out of range sends its neighbours down another path, so that their last bits depend on
/// what stands beside them; in float, it computes in double, at a quarter of the speed.
/// </summary>
internal static unsafe class VectorMath
{
    /// <summary>
    /// Reads the first <paramref name="lanes"/> lanes from memory, or all lanes if there are no more than that; the
    /// other lanes are 0.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Load<T>(T* from, int lanes) where T : unmanaged =>
        lanes >= Vector<T>.Count ? Vector.Load(from) : LoadSome(from, lanes);

    /// <summary>
    /// Writes the first <paramref name="lanes"/> lanes to memory, or all lanes if there are no more than that.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(Vector<T> x, T* to, int lanes) where T : unmanaged
    {
        if (lanes >= Vector<T>.Count)
            Vector.Store(x, to);
        else
            StoreSome(x, to, lanes);
    }

    /// <summary>1 / (1 + e^-x), within 4 eps, and exactly 0 where e^x is not a normal number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Sigmoid<T>(Vector<T> x) where T : unmanaged
    {
        var power = Exp(-Vector.Abs(x));                    // at most 1: cannot overflow
        var above = Vector.ConditionalSelect(Vector.LessThan(x, Vector<T>.Zero), power, Vector<T>.One);
        return above / (Vector<T>.One + power);
    }

    /// <summary>
    /// x = e^(x - shift), for x - shift up to 80. Returns the sum, taken lane by lane and then over the lanes. The
    /// error of the sum is at most 2 + count eps of it.
    /// </summary>
    public static T ExpAndSum<T>(Span<T> x, T shift) where T : unmanaged, IFloatingPointIeee754<T>
    {
        fixed (T* at = x)
        {
            var sum = Vector<T>.Zero;
            int i = 0;
            for (; i <= x.Length - Vector<T>.Count; i += Vector<T>.Count)
            {
                var power = Exp(Vector.Load(at + i) - Vector.Create(shift));
                Vector.Store(power, at + i);
                sum += power;
            }

            T total = Vector.Sum(sum);
            for (; i < x.Length; i++)
                total += x[i] = Exp(Vector.Create(x[i] - shift))[0];
            return total;
        }
    }

    /// <summary>x = factor e^(x - shift), for x - shift up to 80.</summary>
    public static void ScaledExp<T>(Span<T> x, T shift, T factor) where T : unmanaged, IFloatingPointIeee754<T>
    {
        fixed (T* at = x)
            for (int i = 0; i < x.Length; i += Vector<T>.Count)
                Store(Exp(Load(at + i, x.Length - i) - Vector.Create(shift)) * factor, at + i, x.Length - i);
    }

    /// <summary>x y + z, rounded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> MultiplyAdd<T>(Vector<T> x, Vector<T> y, Vector<T> z) => typeof(T) == typeof(float)
        ? Vector.FusedMultiplyAdd(x.As<T, float>(), y.As<T, float>(), z.As<T, float>()).As<float, T>()
        : Vector.FusedMultiplyAdd(x.As<T, double>(), y.As<T, double>(), z.As<T, double>()).As<double, T>();

    /// <summary>
    /// e^x for x up to 80, within 2 eps, and exactly 0 where e^x is not a normal number. Lanes do not influence each
    /// other. Source: x = n log 2 + r, with the approximations of e^r in Cephes (Moshier), expf.c and exp.c.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Exp<T>(Vector<T> x) => typeof(T) == typeof(float)
        ? Exp(x.As<T, float>()).As<float, T>()
        : Exp(x.As<T, double>()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Exp(Vector<float> x)
    {
        var rounder = Vector.Create(1.5f * (1 << 23));                // n stands in the low bits of x / log 2 + rounder
        var shifted = MultiplyAdd(x, Vector.Create(1.44269504f), rounder);
        var n = shifted - rounder;
        var r = MultiplyAdd(n, Vector.Create(-0.693359375f), x);
        r = MultiplyAdd(n, Vector.Create(2.12194440e-4f), r);
        var p = Vector.Create(1.9875691500e-4f);
        p = MultiplyAdd(p, r, Vector.Create(1.3981999507e-3f));
        p = MultiplyAdd(p, r, Vector.Create(8.3334519073e-3f));
        p = MultiplyAdd(p, r, Vector.Create(4.1665795894e-2f));
        p = MultiplyAdd(p, r, Vector.Create(1.6666665459e-1f));
        p = MultiplyAdd(p, r, Vector.Create(0.5f));
        p = MultiplyAdd(p, r * r, r) + Vector<float>.One;
        var power = ((shifted.As<float, int>() + Vector.Create(127)) << 23).As<int, float>();
        return Vector.ConditionalSelect(Vector.LessThan(x, Vector.Create(-87.3f)), Vector<float>.Zero, p * power);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<double> Exp(Vector<double> x)
    {
        var rounder = Vector.Create(1.5 * (1L << 52));
        var shifted = MultiplyAdd(x, Vector.Create(1.4426950408889634), rounder);
        var n = shifted - rounder;
        var r = MultiplyAdd(n, Vector.Create(-6.93145751953125e-1), x);
        r = MultiplyAdd(n, Vector.Create(-1.42860682030941723212e-6), r);
        var square = r * r;
        var p = Vector.Create(1.26177193074810590878e-4);
        p = MultiplyAdd(p, square, Vector.Create(3.02994407707441961300e-2));
        p = MultiplyAdd(p, square, Vector<double>.One) * r;
        var q = Vector.Create(3.00198505138664455042e-6);
        q = MultiplyAdd(q, square, Vector.Create(2.52448340349684104192e-3));
        q = MultiplyAdd(q, square, Vector.Create(2.27265548208155028766e-1));
        q = MultiplyAdd(q, square, Vector.Create(2.0));
        p = MultiplyAdd(Vector.Create(2.0), p / (q - p), Vector<double>.One);
        var power = ((shifted.As<double, long>() + Vector.Create(1023L)) << 52).As<long, double>();
        return Vector.ConditionalSelect(Vector.LessThan(x, Vector.Create(-708.3)), Vector<double>.Zero, p * power);
    }

    private static Vector<T> LoadSome<T>(T* from, int lanes) where T : unmanaged
    {
        Vector<T> x = default;
        new Span<T>(from, lanes).CopyTo(new Span<T>(&x, lanes));
        return x;
    }

    private static void StoreSome<T>(Vector<T> x, T* to, int lanes) where T : unmanaged =>
        new Span<T>(&x, lanes).CopyTo(new Span<T>(to, lanes));
}
