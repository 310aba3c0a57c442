using ILGPU;

namespace VaccineRef.Gpu;

/// <summary>
/// Reads and writes elements of a view as doubles, for kernels that are generic over float and double, because ILGPU
/// does not compile T.CreateChecked. The branch depends on a constant only and is removed by the compiler.
/// </summary>
public static class GpuDouble
{
    /// <summary>Element number <paramref name="i"/> as a double, exactly.</summary>
    public static double Read<T>(GpuView<T> view, long i) where T : unmanaged => Interop.SizeOf<T>() == sizeof(float)
        ? view.Elements.Cast<float>()[i]
        : view.Elements.Cast<double>()[i];

    /// <summary>Sets element number <paramref name="i"/> to a double, rounded once.</summary>
    public static void Write<T>(GpuView<T> view, long i, double value) where T : unmanaged
    {
        if (Interop.SizeOf<T>() == sizeof(float))
            view.Elements.Cast<float>()[i] = (float)value;
        else
            view.Elements.Cast<double>()[i] = value;
    }
}
