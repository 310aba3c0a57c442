using System.Numerics;

namespace VaccineRef.Core;

/// <summary>
/// The processor: host memory, and a team of threads that lives as long as the device. Use it from one thread at a
/// time.
/// </summary>
public sealed class CpuDevice : Device
{
    private const int ClearBlock = 1 << 16;      // elements: a few microseconds of one thread

    private readonly Arena _scratch;
    private object? _frame;          // CpuFrame<T> of the last Operands<T>
    private object? _operands;

    /// <summary>
    /// Starts a team of <paramref name="threads"/> threads, of which the caller is one; 0 stands for one per core.
    /// </summary>
    public CpuDevice(int threads = 0)
    {
        Workers = new Workers(threads > 0 ? threads : Environment.ProcessorCount);
        _scratch = new Arena(this);
    }

    /// <inheritdoc/>
    public override string Name => "cpu";

    /// <summary>The team of threads.</summary>
    public Workers Workers { get; }

    /// <inheritdoc/>
    public override DeviceBuffer Reserve(long bytes) => new HostBuffer(bytes);

    /// <inheritdoc/>
    public override void Clear<T>(View<T> view) =>
        Workers.Run((int)((view.Shape.Count + ClearBlock - 1) / ClearBlock), new Clearing<T>(view));

    /// <inheritdoc/>
    public override void Fill<T>(View<T> view, T value) => view.Span.Fill(value);

    /// <inheritdoc/>
    public override void Copy<T>(View<T> source, View<T> destination) => source.Span.CopyTo(destination.Span);

    /// <inheritdoc/>
    public override void Upload<T>(ReadOnlySpan<T> source, View<T> destination) => source.CopyTo(destination.Span);

    /// <inheritdoc/>
    public override void Download<T>(View<T> source, Span<T> destination) => source.Span.CopyTo(destination);

    /// <inheritdoc/>
    public override void Forward<T>(Op<T> op, Operands<T> operands)
    {
        operands.RequireReadable();
        op.Forward(Frame(operands));
        _scratch.Rewind();
    }

    /// <inheritdoc/>
    public override void Backward<T>(Op<T> op, Operands<T> operands)
    {
        operands.RequireReadable();
        op.Backward(Frame(operands));
        _scratch.Rewind();
    }

    /// <inheritdoc/>
    public override double Run<T>(Routine<T> routine, params ReadOnlySpan<View<T>> x)
    {
        var operands = new Operands<T>();
        operands.Begin(x.Length, default, default, default, default);
        for (int i = 0; i < x.Length; i++)
            operands.Input(i, x[i]);
        operands.RequireReadable();
        double result = routine.Run(new CpuFrame<T>(operands, Workers, _scratch));
        _scratch.Rewind();
        return result;
    }

    /// <inheritdoc/>
    public override void Synchronize()
    {
        // every call returns when it is done
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _scratch.Dispose();
        Workers.Dispose();
    }

    private CpuFrame<T> Frame<T>(Operands<T> operands) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (!ReferenceEquals(_operands, operands))
            (_operands, _frame) = (operands, new CpuFrame<T>(operands, Workers, _scratch));
        return (CpuFrame<T>)_frame!;
    }

    private readonly struct Clearing<T>(View<T> view) : ILoopBody where T : unmanaged
    {
        public void Run(int index)
        {
            var rest = view.Span[(index * ClearBlock)..];
            rest[..Math.Min(ClearBlock, rest.Length)].Clear();
        }
    }
}
