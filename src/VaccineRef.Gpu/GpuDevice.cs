using System.Numerics;
using ILGPU;
using ILGPU.Runtime;
using VaccineRef.Core;
using Device = VaccineRef.Core.Device;

namespace VaccineRef.Gpu;

/// <summary>
/// A GPU, or anything else on which ILGPU runs kernels: its memory, its one stream, and the kernels that ops bring for
/// it. Kernels run in the order of the calls, and only a download or <see cref="Synchronize"/> waits for them. Only one
/// caller may use a device at a time.
/// </summary>
public sealed class GpuDevice : Device
{
    private readonly Context _context;
    private readonly Accelerator _accelerator;
    private readonly Transfers _transfers;
    private readonly IntegerCache _integers;
    private object? _frame;          // the GpuFrame<T> of the last Operands<T>
    private object? _operands;

    internal GpuDevice(string name, Context context, Accelerator accelerator, MatmulPrecision precision)
    {
        (Name, _context, _accelerator, Precision) = (name, context, accelerator, precision);
        Kernels = new KernelCache(accelerator);
        uint above = BitOperations.RoundUpToPowerOf2((uint)accelerator.MaxNumThreadsPerGroup + 1);
        GroupSize = Math.Min(GroupSum.LargestGroup, (int)above / 2);
        Scratch = new Arena(this);
        _transfers = new Transfers(accelerator);
        _integers = new IntegerCache(this);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <summary>The kernels compiled so far.</summary>
    public KernelCache Kernels { get; }

    /// <summary>The number of threads of a one-dimensional group.</summary>
    public int GroupSize { get; }

    /// <summary>The precision in which matrix products of floats are computed.</summary>
    public MatmulPrecision Precision { get; }

    /// <summary>The size of the device's memory in bytes.</summary>
    public long MemoryBytes => _accelerator.MemorySize;

    /// <summary>The number of bytes that are reserved now.</summary>
    public long ReservedBytes { get; private set; }

    /// <summary>The largest number of bytes that were reserved at any time.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Memory that lasts for one call.</summary>
    internal Arena Scratch { get; }

    /// <inheritdoc/>
    public override DeviceBuffer Reserve(long bytes)
    {
        RequireLife("a request for memory");
        try
        {
            var memory = _accelerator.Allocate1D<byte>(Math.Max(bytes, HostBuffer.Alignment));
            var buffer = new GpuBuffer(this, memory, bytes);
            ReservedBytes += bytes;
            PeakBytes = Math.Max(PeakBytes, ReservedBytes);
            return buffer;
        }
        catch (Exception error) when (error is AcceleratorException or OutOfMemoryException
            or ArgumentOutOfRangeException)
        {
            throw new InputException(
                "not enough device memory", Name, $"{Mebibytes(bytes)} asked for in one piece",
                $"{Mebibytes(MemoryBytes - ReservedBytes)} at most: {Mebibytes(ReservedBytes)} of "
                + $"{Mebibytes(MemoryBytes)} are in use here",
                "a smaller batch, a shorter maximum length, blocks computed again (recompute), a smaller model, or another --device; "
                + "'vaccine plan' says what a recipe needs", error);
        }
    }

    /// <inheritdoc/>
    public override void Clear<T>(View<T> view)
    {
        if (view.Shape.Count > 0)
            Guarded(
                "setting memory to zero", () => Elements(view).Cast<byte>().MemSetToZero(_accelerator.DefaultStream));
    }

    /// <inheritdoc/>
    public override void Fill<T>(View<T> view, T value)
    {
        var elements = View(view);
        int groups = checked((int)((elements.Count + GroupSize - 1) / GroupSize));
        Guarded(
            "filling memory",
            () => Kernels.Launch(new Work(new(groups, 1), new(GroupSize, 1)), FillKernel, elements, value));
    }

    /// <inheritdoc/>
    public override void Copy<T>(View<T> source, View<T> destination)
    {
        if (source.Shape.Count > 0)
            Guarded("a copy", () => Elements(source).CopyTo(_accelerator.DefaultStream, Elements(destination)));
    }

    /// <inheritdoc/>
    public override void Upload<T>(ReadOnlySpan<T> source, View<T> destination)
    {
        RequireLife("an upload");
        try
        {
            _transfers.Upload(source, Elements(destination));
        }
        catch (AcceleratorException error)
        {
            throw new DeviceLostException(Name, "an upload", error);
        }
    }

    /// <inheritdoc/>
    public override void Download<T>(View<T> source, Span<T> destination)
    {
        RequireLife("a download");
        Download(Elements(source), destination);
    }

    /// <inheritdoc/>
    public override void Forward<T>(Op<T> op, Operands<T> operands) => Call(op.Name, Half(op).Forward, Frame(operands));

    /// <inheritdoc/>
    public override void Backward<T>(Op<T> op, Operands<T> operands) =>
        Call(op.Name, Half(op).Backward, Frame(operands));

    /// <inheritdoc/>
    public override double Run<T>(Routine<T> routine, params ReadOnlySpan<View<T>> x)
    {
        var half = routine as IGpuRoutine<T> ?? throw new KernelMissingException(routine.Name, Name);
        var operands = new Operands<T>();
        operands.Begin(x.Length, default, default, default, default);
        for (int i = 0; i < x.Length; i++)
            operands.Input(i, x[i]);
        double result = 0;
        Call(routine.Name, frame => result = half.Run(frame), new GpuFrame<T>(operands, this));
        return result;
    }

    /// <inheritdoc/>
    public override void Synchronize() => Guarded("waiting for it", _accelerator.Synchronize);

    /// <inheritdoc/>
    public override void Dispose()
    {
        _integers.Dispose();
        End(_transfers.Dispose);
        Scratch.Dispose();
        End(_accelerator.Dispose, _context.Dispose);
    }

    /// <summary>
    /// Gives back what belongs to a device. If the device was lost, the driver refuses, and there is nothing left to
    /// give back; whoever used the device last has said so, and that error must not be covered by another.
    /// </summary>
    internal static void End(params ReadOnlySpan<Action> steps)
    {
        foreach (var step in steps)
        {
            try
            {
                step();
            }
            catch (Exception error) when (error is AcceleratorException or DeviceLostException)
            {
                // what follows is tried all the same
            }
        }
    }

    /// <summary>Called by a buffer whose memory is free again.</summary>
    internal void Released(long bytes) => ReservedBytes -= bytes;

    /// <summary>A view of this device's memory, as kernels see it.</summary>
    internal static GpuView<T> View<T>(View<T> view) where T : unmanaged =>
        new(Elements(view), view.Rows, view.Columns);

    /// <summary>Integers on the device.</summary>
    internal GpuView<int> Integers(ReadOnlySpan<int> values) => _integers.Get(values);

    internal void Download<T>(ArrayView<T> source, Span<T> destination) where T : unmanaged
    {
        try
        {
            _transfers.Download(source, destination);
        }
        catch (AcceleratorException error)
        {
            throw new DeviceLostException(Name, "a download", error);
        }
    }

    private static ArrayView<T> Elements<T>(View<T> view) where T : unmanaged => view.Buffer switch
    {
        null => default,
        GpuBuffer buffer => buffer.View<T>(view.Offset, view.Shape.Count),
        _ => throw new InvalidOperationException("A GPU was handed a view of another device's memory."),
    };

    private static void FillKernel<T>(GpuView<T> x, T value) where T : unmanaged
    {
        long i = GpuIndex.Thread;
        if (i < x.Count)
            x[i] = value;
    }

    private static string Mebibytes(long bytes) => $"{bytes / (1024.0 * 1024):F0} MiB";

    // ILGPU itself does not look whether its accelerator was disposed of
    private void RequireLife(string doing)
    {
        if (_accelerator.IsDisposed)
            throw new DeviceLostException(Name, doing, new Ended(_accelerator.AcceleratorType));
    }

    private void Guarded(string doing, Action work)
    {
        RequireLife(doing);
        try
        {
            work();
        }
        catch (AcceleratorException error)
        {
            throw new DeviceLostException(Name, doing, error);
        }
    }

    private void Call<T>(string name, Action<GpuFrame<T>> half, GpuFrame<T> frame)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Guarded(name, () => half(frame));
        Scratch.Rewind();
    }

    private IGpuOp<T> Half<T>(Op<T> op) where T : unmanaged, IFloatingPointIeee754<T> =>
        op as IGpuOp<T> ?? throw new KernelMissingException(op.Name, Name);

    private GpuFrame<T> Frame<T>(Operands<T> operands) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (!ReferenceEquals(_operands, operands))
            (_operands, _frame) = (operands, new GpuFrame<T>(operands, this));
        return (GpuFrame<T>)_frame!;
    }

    private sealed class Ended(AcceleratorType type) : AcceleratorException("it was ended while it was in use")
    {
        public override AcceleratorType AcceleratorType => type;
    }
}
