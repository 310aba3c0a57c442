using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace VaccineRef.Kernels;

/// <summary>
/// The few vector instructions that a microkernel needs, as static members. The JIT compiles a kernel that is written
/// once over <typeparamref name="V"/> to straight 512-, 256- or 128-bit code, or to scalar code.
/// </summary>
internal unsafe interface ISimd<T, V> where T : unmanaged where V : unmanaged
{
    static abstract int Count { get; }
    static abstract V Load(T* p);
    static abstract V Broadcast(T x);
    static abstract V FusedMultiplyAdd(V x, V y, V z);      // x y + z, rounded once
    static abstract V Multiply(V x, V y);
    static abstract void Store(V x, T* p);
    static abstract T Sum(V x);
}

internal readonly unsafe struct Simd512<T> : ISimd<T, Vector512<T>> where T : unmanaged
{
    public static int Count => Vector512<T>.Count;
    public static Vector512<T> Load(T* p) => Vector512.Load(p);
    public static Vector512<T> Broadcast(T x) => Vector512.Create(x);
    public static Vector512<T> Multiply(Vector512<T> x, Vector512<T> y) => x * y;
    public static void Store(Vector512<T> x, T* p) => x.Store(p);
    public static T Sum(Vector512<T> x) => Vector512.Sum(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> FusedMultiplyAdd(Vector512<T> x, Vector512<T> y, Vector512<T> z) =>
        typeof(T) == typeof(float)
            ? Vector512.FusedMultiplyAdd(x.AsSingle(), y.AsSingle(), z.AsSingle()).As<float, T>()
            : Vector512.FusedMultiplyAdd(x.AsDouble(), y.AsDouble(), z.AsDouble()).As<double, T>();
}

internal readonly unsafe struct Simd256<T> : ISimd<T, Vector256<T>> where T : unmanaged
{
    public static int Count => Vector256<T>.Count;
    public static Vector256<T> Load(T* p) => Vector256.Load(p);
    public static Vector256<T> Broadcast(T x) => Vector256.Create(x);
    public static Vector256<T> Multiply(Vector256<T> x, Vector256<T> y) => x * y;
    public static void Store(Vector256<T> x, T* p) => x.Store(p);
    public static T Sum(Vector256<T> x) => Vector256.Sum(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> FusedMultiplyAdd(Vector256<T> x, Vector256<T> y, Vector256<T> z) =>
        typeof(T) == typeof(float)
            ? Vector256.FusedMultiplyAdd(x.AsSingle(), y.AsSingle(), z.AsSingle()).As<float, T>()
            : Vector256.FusedMultiplyAdd(x.AsDouble(), y.AsDouble(), z.AsDouble()).As<double, T>();
}

internal readonly unsafe struct Simd128<T> : ISimd<T, Vector128<T>> where T : unmanaged
{
    public static int Count => Vector128<T>.Count;
    public static Vector128<T> Load(T* p) => Vector128.Load(p);
    public static Vector128<T> Broadcast(T x) => Vector128.Create(x);
    public static Vector128<T> Multiply(Vector128<T> x, Vector128<T> y) => x * y;
    public static void Store(Vector128<T> x, T* p) => x.Store(p);
    public static T Sum(Vector128<T> x) => Vector128.Sum(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> FusedMultiplyAdd(Vector128<T> x, Vector128<T> y, Vector128<T> z) =>
        typeof(T) == typeof(float)
            ? Vector128.FusedMultiplyAdd(x.AsSingle(), y.AsSingle(), z.AsSingle()).As<float, T>()
            : Vector128.FusedMultiplyAdd(x.AsDouble(), y.AsDouble(), z.AsDouble()).As<double, T>();
}

/// <summary>One lane, for every other element type and for machines without vectors.</summary>
internal readonly unsafe struct SimdScalar<T> : ISimd<T, T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public static int Count => 1;
    public static T Load(T* p) => *p;
    public static T Broadcast(T x) => x;
    public static T Multiply(T x, T y) => x * y;
    public static T FusedMultiplyAdd(T x, T y, T z) => T.FusedMultiplyAdd(x, y, z);
    public static void Store(T x, T* p) => *p = x;
    public static T Sum(T x) => x;
}
