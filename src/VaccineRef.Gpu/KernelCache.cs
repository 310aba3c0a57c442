using ILGPU.Runtime;

namespace VaccineRef.Gpu;

/// <summary>
/// Compiles kernels when they are first used, and launches them on the device's stream. A kernel is a static method
/// that takes values and <see cref="GpuView{T}"/>s. There is one overload for each number of arguments, because ILGPU
/// types its launchers that way.
/// </summary>
public sealed class KernelCache(Accelerator accelerator)
{
    private readonly Dictionary<Delegate, Delegate> _launchers = [];

    /// <summary>Every kernel launched so far. A test of code generation compiles them for other machines.</summary>
    public IReadOnlyCollection<Delegate> Launched => _launchers.Keys;

    /// <summary>Launches a kernel of 2 arguments.</summary>
    public void Launch<T1, T2>(
        in Work work, Action<T1, T2> kernel, T1 a1, T2 a2)
        where T1 : struct where T2 : struct
    {
        if (!work.IsEmpty)
            Get(kernel, accelerator.LoadStreamKernel)(work.Config, a1, a2);
    }

    /// <summary>Launches a kernel of 3 arguments.</summary>
    public void Launch<T1, T2, T3>(
        in Work work, Action<T1, T2, T3> kernel, T1 a1, T2 a2, T3 a3)
        where T1 : struct where T2 : struct where T3 : struct
    {
        if (!work.IsEmpty)
            Get(kernel, accelerator.LoadStreamKernel)(work.Config, a1, a2, a3);
    }

    /// <summary>Launches a kernel of 4 arguments.</summary>
    public void Launch<T1, T2, T3, T4>(
        in Work work, Action<T1, T2, T3, T4> kernel, T1 a1, T2 a2, T3 a3, T4 a4)
        where T1 : struct where T2 : struct where T3 : struct where T4 : struct
    {
        if (!work.IsEmpty)
            Get(kernel, accelerator.LoadStreamKernel)(work.Config, a1, a2, a3, a4);
    }

    /// <summary>Launches a kernel of 5 arguments.</summary>
    public void Launch<T1, T2, T3, T4, T5>(
        in Work work, Action<T1, T2, T3, T4, T5> kernel, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5)
        where T1 : struct where T2 : struct where T3 : struct where T4 : struct
        where T5 : struct
    {
        if (!work.IsEmpty)
            Get(kernel, accelerator.LoadStreamKernel)(work.Config, a1, a2, a3, a4, a5);
    }

    /// <summary>Launches a kernel of 6 arguments.</summary>
    public void Launch<T1, T2, T3, T4, T5, T6>(
        in Work work, Action<T1, T2, T3, T4, T5, T6> kernel, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6)
        where T1 : struct where T2 : struct where T3 : struct where T4 : struct
        where T5 : struct where T6 : struct
    {
        if (!work.IsEmpty)
            Get(kernel, accelerator.LoadStreamKernel)(work.Config, a1, a2, a3, a4, a5, a6);
    }

    /// <summary>Launches a kernel of 7 arguments.</summary>
    public void Launch<T1, T2, T3, T4, T5, T6, T7>(
        in Work work, Action<T1, T2, T3, T4, T5, T6, T7> kernel, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7)
        where T1 : struct where T2 : struct where T3 : struct where T4 : struct
        where T5 : struct where T6 : struct where T7 : struct
    {
        if (!work.IsEmpty)
            Get(kernel, accelerator.LoadStreamKernel)(work.Config, a1, a2, a3, a4, a5, a6, a7);
    }

    /// <summary>Launches a kernel of 8 arguments.</summary>
    public void Launch<T1, T2, T3, T4, T5, T6, T7, T8>(
        in Work work, Action<T1, T2, T3, T4, T5, T6, T7, T8> kernel, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7,
        T8 a8)
        where T1 : struct where T2 : struct where T3 : struct where T4 : struct
        where T5 : struct where T6 : struct where T7 : struct where T8 : struct
    {
        if (!work.IsEmpty)
            Get(kernel, accelerator.LoadStreamKernel)(work.Config, a1, a2, a3, a4, a5, a6, a7, a8);
    }

    /// <summary>Launches a kernel of 9 arguments.</summary>
    public void Launch<T1, T2, T3, T4, T5, T6, T7, T8, T9>(
        in Work work, Action<T1, T2, T3, T4, T5, T6, T7, T8, T9> kernel, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6,
        T7 a7, T8 a8, T9 a9)
        where T1 : struct where T2 : struct where T3 : struct where T4 : struct
        where T5 : struct where T6 : struct where T7 : struct where T8 : struct
        where T9 : struct
    {
        if (!work.IsEmpty)
            Get(kernel, accelerator.LoadStreamKernel)(work.Config, a1, a2, a3, a4, a5, a6, a7, a8, a9);
    }

    /// <summary>Launches a kernel of 10 arguments.</summary>
    public void Launch<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10>(
        in Work work, Action<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10> kernel, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6,
        T7 a7, T8 a8, T9 a9, T10 a10)
        where T1 : struct where T2 : struct where T3 : struct where T4 : struct
        where T5 : struct where T6 : struct where T7 : struct where T8 : struct
        where T9 : struct where T10 : struct
    {
        if (!work.IsEmpty)
            Get(kernel, accelerator.LoadStreamKernel)(work.Config, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10);
    }

    /// <summary>Launches a kernel of 11 arguments.</summary>
    public void Launch<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11>(
        in Work work, Action<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11> kernel, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5,
        T6 a6, T7 a7, T8 a8, T9 a9, T10 a10, T11 a11)
        where T1 : struct where T2 : struct where T3 : struct where T4 : struct
        where T5 : struct where T6 : struct where T7 : struct where T8 : struct
        where T9 : struct where T10 : struct where T11 : struct
    {
        if (!work.IsEmpty)
            Get(kernel, accelerator.LoadStreamKernel)(work.Config, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11);
    }

    /// <summary>Launches a kernel of 12 arguments.</summary>
    public void Launch<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12>(
        in Work work, Action<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12> kernel, T1 a1, T2 a2, T3 a3, T4 a4,
        T5 a5, T6 a6, T7 a7, T8 a8, T9 a9, T10 a10, T11 a11, T12 a12)
        where T1 : struct where T2 : struct where T3 : struct where T4 : struct
        where T5 : struct where T6 : struct where T7 : struct where T8 : struct
        where T9 : struct where T10 : struct where T11 : struct where T12 : struct
    {
        if (!work.IsEmpty)
            Get(kernel, accelerator.LoadStreamKernel)(work.Config, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12);
    }

    private TLauncher Get<TKernel, TLauncher>(TKernel kernel, Func<TKernel, TLauncher> load)
        where TKernel : Delegate
        where TLauncher : Delegate
    {
        if (!_launchers.TryGetValue(kernel, out var launcher))
            _launchers.Add(kernel, launcher = load(kernel));
        return (TLauncher)launcher;
    }
}
