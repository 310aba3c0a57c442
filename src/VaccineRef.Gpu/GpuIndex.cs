using ILGPU;

namespace VaccineRef.Gpu;

/// <summary>Where the running thread is, for kernels of one dimension.</summary>
public static class GpuIndex
{
    /// <summary>The thread's number in the whole launch.</summary>
    public static long Thread => ((long)Grid.IdxX * Group.DimX) + Group.IdxX;
}
