using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace VaccineRef.Kernels;

/// <summary>Transposes small squares in registers: 4 x 4 in float, 2 x 2 in double, and 1 x 1 otherwise.</summary>
internal static unsafe class Transpose<T> where T : unmanaged
{
    public static int Size => typeof(T) == typeof(float) ? 4 : typeof(T) == typeof(double) ? 2 : 1;

    /// <summary>Writes y[p * dy + r] = x[r * dx + p] for r and p below <see cref="Size"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Square(T* x, nint dx, T* y, nint dy)
    {
        if (typeof(T) == typeof(float))
            Float((float*)x, dx, (float*)y, dy);
        else if (typeof(T) == typeof(double))
            Double((double*)x, dx, (double*)y, dy);
        else
            *y = *x;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Float(float* x, nint dx, float* y, nint dy)
    {
        Vector128<float> x0 = Vector128.Load(x), x1 = Vector128.Load(x + dx);
        Vector128<float> x2 = Vector128.Load(x + 2 * dx), x3 = Vector128.Load(x + 3 * dx);
        Vector128<double> low01 = Low(x0, x1), high01 = High(x0, x1), low23 = Low(x2, x3), high23 = High(x2, x3);
        Low(low01, low23).AsSingle().Store(y);
        High(low01, low23).AsSingle().Store(y + dy);
        Low(high01, high23).AsSingle().Store(y + 2 * dy);
        High(high01, high23).AsSingle().Store(y + 3 * dy);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Double(double* x, nint dx, double* y, nint dy)
    {
        Vector128<double> x0 = Vector128.Load(x), x1 = Vector128.Load(x + dx);
        Low(x0, x1).Store(y);
        High(x0, x1).Store(y + dy);
    }

    private static Vector128<double> Low(Vector128<float> x, Vector128<float> y) =>
        (Sse.IsSupported ? Sse.UnpackLow(x, y)
            : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(x, y)
            : Vector128.Create(x[0], y[0], x[1], y[1])).AsDouble();

    private static Vector128<double> High(Vector128<float> x, Vector128<float> y) =>
        (Sse.IsSupported ? Sse.UnpackHigh(x, y)
            : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(x, y)
            : Vector128.Create(x[2], y[2], x[3], y[3])).AsDouble();

    private static Vector128<double> Low(Vector128<double> x, Vector128<double> y) =>
        Sse2.IsSupported ? Sse2.UnpackLow(x, y)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(x, y)
        : Vector128.Create(x[0], y[0]);

    private static Vector128<double> High(Vector128<double> x, Vector128<double> y) =>
        Sse2.IsSupported ? Sse2.UnpackHigh(x, y)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(x, y)
        : Vector128.Create(x[1], y[1]);
}
