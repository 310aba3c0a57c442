using System.Runtime.InteropServices;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class Rope<T> : IGpuOp<T>
{
    // pi / 2 = High + Low. High has 33 bits, so that quadrant * High is exact for angles below a million, and the
    // result is the same whether a driver fuses it with the subtraction or not. Sine and cosine up to pi / 4 are the
    // polynomials of fdlibm's k_sin.c and k_cos.c (Sun Microsystems), because a GPU has no sine in double of its own.
    private const double High = 1.57079632673412561417, Low = 6.07710050650619224932e-11;
    private const double Quadrants = 0.6366197723675814;

    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f) => Rotate(f, f.X(0), f.Y, back: 0, adds: 0);

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        if (f.Wants(0))
            Rotate(f, f.Dy, f.Dx(0), back: 1, f.Adds(0) ? 1 : 0);
    }

    /// <summary>
    /// Computes y = R x, or R' x when rotating back, and adds it to y if asked to. The frequencies are sent to the
    /// device as the integers that have the same bits.
    /// </summary>
    private void Rotate(GpuFrame<T> f, GpuView<T> x, GpuView<T> y, int back, int adds) => f.Kernels.Launch(
        f.ForEach((long)x.Rows * _frequencies.Length), RotateKernel, x, y, f.Ids,
        f.Integers(MemoryMarshal.Cast<double, int>(_frequencies)), back, adds);

    /// <summary>
    /// Runs one thread for each row and frequency: all heads turn by the same angle. The arithmetic is in double and
    /// rounded once.
    /// </summary>
    private static void RotateKernel(
        GpuView<T> x, GpuView<T> y, GpuView<int> positions, GpuView<int> frequencies, int back, int adds)
    {
        int half = frequencies.Columns / 2;
        long thread = GpuIndex.Thread, row = thread / half;
        int pair = (int)(thread - (row * half));
        if (row >= x.Rows)
            return;
        double angle = positions[row] * frequencies.Elements.Cast<double>()[pair];
        long quadrant = (long)((angle * Quadrants) + (angle < 0 ? -0.5 : 0.5));
        double rest = (angle - (quadrant * High)) - (quadrant * Low);
        double a = Sine(rest), b = Cosine(rest);
        double sin = (quadrant & 1) == 0 ? a : b, cos = (quadrant & 1) == 0 ? b : a;
        sin = ((quadrant & 2) == 0) == (back == 0) ? sin : -sin;
        cos = ((quadrant + 1) & 2) == 0 ? cos : -cos;
        for (long i = (row * x.Columns) + pair, end = (row + 1) * x.Columns; i < end; i += 2 * half)
        {
            double x0 = GpuDouble.Read(x, i), x1 = GpuDouble.Read(x, i + half);
            GpuDouble.Write(y, i, (adds == 0 ? 0 : GpuDouble.Read(y, i)) + ((x0 * cos) - (x1 * sin)));
            GpuDouble.Write(y, i + half, (adds == 0 ? 0 : GpuDouble.Read(y, i + half)) + ((x1 * cos) + (x0 * sin)));
        }
    }

    private static double Sine(double x)
    {
        double z = x * x, p = 1.58969099521155010221e-10;
        p = (p * z) - 2.50507602534068634195e-08;
        p = (p * z) + 2.75573137070700676789e-06;
        p = (p * z) - 1.98412698298579493134e-04;
        p = (p * z) + 8.33333333332248946124e-03;
        p = (p * z) - 1.66666666666666324348e-01;
        return x + (x * z * p);
    }

    private static double Cosine(double x)
    {
        double z = x * x, p = -1.13596475577881948265e-11;
        p = (p * z) + 2.08757232129817482790e-09;
        p = (p * z) - 2.75573143513906633035e-07;
        p = (p * z) + 2.48015872894767294178e-05;
        p = (p * z) - 1.38888888888741095749e-03;
        p = (p * z) + 4.16666666666666019037e-02;
        return 1 - ((0.5 * z) - (z * z * p));
    }
}
