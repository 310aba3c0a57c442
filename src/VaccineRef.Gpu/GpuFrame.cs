using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Gpu;

/// <summary>What a GPU half sees of one call: its operands on the device, kernels to launch, and scratch memory for the call.</summary>
public sealed class GpuFrame<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Operands<T> _operands;
    private readonly GpuDevice _device;

    internal GpuFrame(Operands<T> operands, GpuDevice device) => (_operands, _device) = (operands, device);

    /// <summary>Compiles and launches kernels: <c>f.Kernels.Launch(f.ForEach(count), Kernel, x, y)</c>.</summary>
    public KernelCache Kernels => _device.Kernels;

    /// <summary>Threads of a one-dimensional group, a power of two: 256 on a GPU, few on the simulator.</summary>
    public int GroupSize => _device.GroupSize;

    /// <summary>In what matrix products of floats are computed.</summary>
    public MatmulPrecision Precision => _device.Precision;

    /// <summary>Number of inputs.</summary>
    public int Inputs => _operands.Inputs;

    /// <summary>The output.</summary>
    public GpuView<T> Y => GpuDevice.View(_operands.Y);

    /// <summary>What forward keeps for backward.</summary>
    public GpuView<T> Saved => GpuDevice.View(_operands.Saved);

    /// <summary>Gradient of the loss with respect to Y.</summary>
    public GpuView<T> Dy => GpuDevice.View(_operands.Dy);

    /// <summary>Token ids, positions, labels or offsets, on the device, (1, count).</summary>
    public GpuView<int> Ids => Integers(_operands.Ids.Span);

    /// <summary>The same integers on the host.</summary>
    public ReadOnlySpan<int> HostIds => _operands.Ids.Span;

    /// <summary>The random bits of this call; kernels take it as an argument.</summary>
    public RandomStream Random => _operands.Random;

    /// <summary>Input <paramref name="i"/>.</summary>
    public GpuView<T> X(int i) => GpuDevice.View(_operands.X(i));

    /// <summary>Gradient of input <paramref name="i"/>.</summary>
    public GpuView<T> Dx(int i) => GpuDevice.View(_operands.Dx(i));

    /// <summary>Whether Dx(i) is to be added to: always, unless the op <see cref="Op{T}.Overwrites"/> it.</summary>
    public bool Adds(int i) => _operands.Adds(i);

    /// <summary>Clears the gradient of input <paramref name="i"/> if it is wanted and not to be added to.</summary>
    public void ClearFirst(int i)
    {
        if (Wants(i) && !Adds(i))
            _device.Clear(_operands.Dx(i));
    }

    /// <summary>Whether the gradient of input <paramref name="i"/> is asked for.</summary>
    public bool Wants(int i) => i < _operands.Inputs && !_operands.Dx(i).IsEmpty;

    /// <summary>Integers on the device, (1, count): sent over once for as long as the same ones are asked for.</summary>
    public GpuView<int> Integers(ReadOnlySpan<int> values) => _device.Integers(values);

    /// <summary>A host view of the same device, such as a cache that the op holds, as kernels see it.</summary>
    public GpuView<TElement> View<TElement>(View<TElement> view) where TElement : unmanaged => GpuDevice.View(view);

    /// <summary>Uninitialised memory that lasts for this call.</summary>
    public GpuView<TElement> Scratch<TElement>(int rows, int columns) where TElement : unmanaged =>
        GpuDevice.View(_device.Scratch.Allocate<TElement>(new(rows, columns)));

    /// <summary>
    /// One thread for each of <paramref name="count"/> elements, numbered by <see cref="GpuIndex.Thread"/>; the last group may have more.
    /// </summary>
    public Work ForEach(long count) => new(new(checked((int)((count + GroupSize - 1) / GroupSize)), 1), new(GroupSize, 1));

    /// <summary>
    /// One group of <see cref="GroupSize"/> threads for each of <paramref name="count"/> rows or pieces, numbered by Grid.IdxX.
    /// </summary>
    public Work GroupEach(int count) => new(new(count, 1), new(GroupSize, 1));

    /// <summary>Waits for the device and brings values to the host; for what little a routine returns.</summary>
    public void Download<TElement>(GpuView<TElement> from, Span<TElement> to) where TElement : unmanaged =>
        _device.Download(from.Elements, to);
}
