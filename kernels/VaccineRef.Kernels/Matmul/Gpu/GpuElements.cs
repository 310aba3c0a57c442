using System.Runtime.CompilerServices;
using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>Where an operand of a product lies, and how it becomes T: as it is, or widened while it is read.</summary>
internal interface IGpuElements<T> where T : unmanaged
{
    /// <summary>Element <paramref name="i"/>, counted row after row.</summary>
    T Read(long i);
}

/// <summary>Elements as they are.</summary>
internal readonly struct GpuElements<T>(GpuView<T> view) : IGpuElements<T> where T : unmanaged
{
    private readonly GpuView<T> _view = view;

    public T Read(long i) => _view[i];
}

/// <summary>Elements in bfloat16, widened.</summary>
internal readonly struct GpuBFloat16<T>(GpuView<ushort> view) : IGpuElements<T> where T : unmanaged
{
    private readonly GpuView<ushort> _view = view;

    public T Read(long i)
    {
        float single = Interop.IntAsFloat((uint)_view[i] << 16);
        if (Interop.SizeOf<T>() == sizeof(float))
            return Unsafe.As<float, T>(ref single);
        double wide = single;
        return Unsafe.As<double, T>(ref wide);
    }
}
