using ILGPU;

namespace VaccineRef.Gpu;

/// <summary>How a launch is cut: groups of threads, and the shared memory of each.</summary>
/// <param name="Groups">Number of groups along X and Y.</param>
/// <param name="Threads">Threads of a group along X and Y.</param>
/// <param name="SharedElements">Elements of dynamic shared memory.</param>
/// <param name="ElementBytes">Bytes of one of them.</param>
public readonly record struct Work(Index2D Groups, Index2D Threads, int SharedElements = 0, int ElementBytes = 0)
{
    /// <summary>As ILGPU takes it.</summary>
    internal KernelConfig Config => SharedElements == 0
        ? new(Groups, Threads)
        : new(Groups, Threads, new SharedMemoryConfig(SharedElements, ElementBytes));

    /// <summary>Nothing to do: not launched.</summary>
    internal bool IsEmpty => Groups.X == 0 || Groups.Y == 0;
}
