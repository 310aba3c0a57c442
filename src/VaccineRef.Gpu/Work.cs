using ILGPU;

namespace VaccineRef.Gpu;

/// <summary>
/// How a launch is cut: groups of threads. Kernels allocate shared memory by constant sizes: what ILGPU 1.5.3 makes of dynamic shared
/// memory in OpenCL C is a pointer at program scope, which groups that run at the same time take from each other.
/// </summary>
/// <param name="Groups">Number of groups along X and Y.</param>
/// <param name="Threads">Threads of a group along X and Y.</param>
public readonly record struct Work(Index2D Groups, Index2D Threads)
{
    /// <summary>As ILGPU takes it.</summary>
    internal KernelConfig Config => new(Groups, Threads);

    /// <summary>Nothing to do: not launched.</summary>
    internal bool IsEmpty => Groups.X == 0 || Groups.Y == 0;
}
