using ILGPU;

namespace VaccineRef.Gpu;

/// <summary>
/// How many groups of threads a launch has, and how large they are. Kernels allocate shared memory of constant size.
/// ILGPU 1.5.3 turns dynamic shared memory into a pointer at program scope in OpenCL C, which groups that run at the
/// same time would overwrite for each other.
/// </summary>
/// <param name="Groups">The number of groups along X and Y.</param>
/// <param name="Threads">The number of threads of a group along X and Y.</param>
public readonly record struct Work(Index2D Groups, Index2D Threads)
{
    /// <summary>The same, as ILGPU takes it.</summary>
    internal KernelConfig Config => new(Groups, Threads);

    /// <summary>Whether there are no groups; then nothing is launched.</summary>
    internal bool IsEmpty => Groups.X == 0 || Groups.Y == 0;
}

/// <summary>Tells a kernel of one dimension which thread is running.</summary>
public static class GpuIndex
{
    /// <summary>The number of the thread in the whole launch.</summary>
    public static long Thread => ((long)Grid.IdxX * Group.DimX) + Group.IdxX;
}
