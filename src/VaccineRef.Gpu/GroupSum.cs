using System.Numerics;
using ILGPU;

namespace VaccineRef.Gpu;

/// <summary>
/// Reductions over the threads of a group, for kernels: a binary tree in shared memory. The tree depends on the size of
/// the group alone, so every run gives the same bits. Warp shuffles would save barriers on CUDA, but OpenCL does not
/// have them.
/// </summary>
public static class GroupSum
{
    /// <summary>The largest number of threads of a group.</summary>
    public const int LargestGroup = 256;

    /// <summary>
    /// The sum of every thread's <paramref name="value"/>, which every thread gets. All threads of the group must call
    /// it.
    /// </summary>
    /// <param name="value">The term of the thread. The number of threads in the group must be a power of two.</param>
    public static T All<T>(T value) where T : unmanaged, INumber<T>
    {
        var shared = SharedMemory.Allocate<T>(LargestGroup);
        int thread = Group.IdxX;
        shared[thread] = value;
        Group.Barrier();
        for (int half = Group.DimX / 2; half > 0; half /= 2)
        {
            if (thread < half)
                shared[thread] += shared[thread + half];
            Group.Barrier();
        }

        T total = shared[0];
        Group.Barrier();                // so that no thread overwrites what another still reads
        return total;
    }

    /// <summary>The largest of every thread's <paramref name="value"/>, by the rules of <see cref="All"/>.</summary>
    public static T Max<T>(T value) where T : unmanaged, INumber<T>
    {
        var shared = SharedMemory.Allocate<T>(LargestGroup);
        int thread = Group.IdxX;
        shared[thread] = value;
        Group.Barrier();
        for (int half = Group.DimX / 2; half > 0; half /= 2)
        {
            if (thread < half && shared[thread + half] > shared[thread])
                shared[thread] = shared[thread + half];
            Group.Barrier();
        }

        T largest = shared[0];
        Group.Barrier();
        return largest;
    }
}
