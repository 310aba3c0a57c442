using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Gpu;

/// <summary>
/// What the GPU half of an op sees of one call: its operands on the device, kernels to launch, and scratch memory for
/// the call.
/// </summary>
public sealed class GpuFrame<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Operands<T> _operands;
    private readonly GpuDevice _device;

    internal GpuFrame(Operands<T> operands, GpuDevice device) => (_operands, _device) = (operands, device);

    /// <summary>Compiles and launches kernels: <c>f.Kernels.Launch(f.ForEach(count), Kernel, x, y)</c>.</summary>
    public KernelCache Kernels => _device.Kernels;

    /// <summary>
    /// The number of threads of a one-dimensional group, a power of two: 256 on a GPU, and few on the simulator.
    /// </summary>
    public int GroupSize => _device.GroupSize;

    /// <summary>The precision in which matrix products of floats are computed.</summary>
    public MatmulPrecision Precision => _device.Precision;

    /// <summary>The number of inputs.</summary>
    public int Inputs => _operands.Inputs;

    /// <summary>The output.</summary>
    public GpuView<T> Y => GpuDevice.View(_operands.Y);

    /// <summary>What forward keeps for backward.</summary>
    public GpuView<T> Saved => GpuDevice.View(_operands.Saved);

    /// <summary>The gradient of the loss with respect to Y.</summary>
    public GpuView<T> Dy => GpuDevice.View(_operands.Dy);

    /// <summary>The token ids, positions, targets or offsets of the call, on the device, (1, count).</summary>
    public GpuView<int> Ids => Integers(_operands.Ids.Span);

    /// <summary>The same integers on the host.</summary>
    public ReadOnlySpan<int> HostIds => _operands.Ids.Span;

    /// <summary>The random stream of this call, which kernels take as an argument.</summary>
    public RandomStream Random => _operands.Random;

    /// <summary>Input number <paramref name="i"/>.</summary>
    public GpuView<T> X(int i) => GpuDevice.View(_operands.X(i));

    /// <summary>The gradient of input number <paramref name="i"/>.</summary>
    public GpuView<T> Dx(int i) => GpuDevice.View(_operands.Dx(i));

    /// <summary>
    /// Whether backward must add to Dx(i). It always must, unless the op <see cref="Op{T}.Overwrites"/> that gradient
    /// and nothing was added to it before.
    /// </summary>
    public bool Adds(int i) => _operands.Adds(i);

    /// <summary>
    /// Sets the gradient of input number <paramref name="i"/> to 0 if it is wanted and nothing was added to it before,
    /// for an op that can only add.
    /// </summary>
    public void ClearFirst(int i)
    {
        if (Wants(i) && !Adds(i))
            _device.Clear(_operands.Dx(i));
    }

    /// <summary>Whether the gradient of input number <paramref name="i"/> is wanted.</summary>
    public bool Wants(int i) => i < _operands.Inputs && !_operands.Dx(i).IsEmpty;

    /// <summary>
    /// Integers on the device, (1, count). They are sent to the device once, and found again as long as the same
    /// integers are asked for.
    /// </summary>
    public GpuView<int> Integers(ReadOnlySpan<int> values) => _device.Integers(values);

    /// <summary>Memory of the same device that the op itself holds, such as a cache, as kernels see it.</summary>
    public GpuView<TElement> View<TElement>(View<TElement> view) where TElement : unmanaged => GpuDevice.View(view);

    /// <summary>Uninitialised memory that lasts for this call.</summary>
    public GpuView<TElement> Scratch<TElement>(int rows, int columns) where TElement : unmanaged =>
        GpuDevice.View(_device.Scratch.Allocate<TElement>(new(rows, columns)));

    /// <summary>
    /// One thread for each of <paramref name="count"/> elements, numbered by <see cref="GpuIndex.Thread"/>. The last
    /// group may have threads beyond the last element, so a kernel must check.
    /// </summary>
    public Work ForEach(long count) =>
        new(new(checked((int)((count + GroupSize - 1) / GroupSize)), 1), new(GroupSize, 1));

    /// <summary>
    /// One group of <see cref="GroupSize"/> threads for each of <paramref name="count"/> rows or blocks, numbered by
    /// Grid.IdxX.
    /// </summary>
    public Work GroupEach(int count) => new(new(count, 1), new(GroupSize, 1));

    /// <summary>
    /// Waits for the device and copies numbers to the host: for the few numbers that a routine returns.
    /// </summary>
    public void Download<TElement>(GpuView<TElement> from, Span<TElement> to) where TElement : unmanaged =>
        _device.Download(from.Elements, to);
}
