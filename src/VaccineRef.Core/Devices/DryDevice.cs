namespace VaccineRef.Core;

/// <summary>
/// A device that has no memory and computes nothing: it counts. A model that is made on it and a step that is taken on
/// it ask for the same memory in the same order as on any other device, so that what they need is known exactly, for
/// models too that this machine could not hold. Every value that is read from it is zero. Use it from one thread at a
/// time.
/// </summary>
public sealed class DryDevice : Device
{
    private long _scratch;

    /// <inheritdoc/>
    public override string Name => "dry";

    /// <summary>Bytes that are in use now: of each buffer the part that was handed out.</summary>
    public long Bytes { get; private set; }

    /// <summary>The largest <see cref="Bytes"/> since <see cref="ForgetPeak"/> was called last.</summary>
    public long Peak { get; private set; }

    /// <summary>The peak begins anew with what is in use now.</summary>
    public void ForgetPeak() => Peak = Bytes;

    /// <inheritdoc/>
    public override DeviceBuffer Reserve(long bytes) => new DryBuffer(this, bytes);

    /// <inheritdoc/>
    public override void Clear<T>(View<T> view)
    {
    }

    /// <inheritdoc/>
    public override void Fill<T>(View<T> view, T value)
    {
    }

    /// <inheritdoc/>
    public override void Copy<T>(View<T> source, View<T> destination)
    {
    }

    /// <inheritdoc/>
    public override void Upload<T>(ReadOnlySpan<T> source, View<T> destination)
    {
    }

    /// <inheritdoc/>
    public override void Download<T>(View<T> source, Span<T> destination) => destination.Clear();

    /// <inheritdoc/>
    public override void Forward<T>(Op<T> op, Operands<T> operands) => UseScratch(op.ScratchBytes(operands));

    /// <inheritdoc/>
    public override void Backward<T>(Op<T> op, Operands<T> operands) => UseScratch(op.ScratchBytes(operands));

    /// <summary>Does nothing.</summary>
    /// <returns>0.</returns>
    public override double Run<T>(Routine<T> routine, params ReadOnlySpan<View<T>> x) => 0;

    /// <inheritdoc/>
    public override void Synchronize()
    {
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
    }

    // What kernels work with is kept from one call to the next.
    private void UseScratch(long bytes)
    {
        if (bytes > _scratch)
            Add(bytes - _scratch);
        _scratch = Math.Max(_scratch, bytes);
    }

    private void Add(long bytes)
    {
        Bytes += bytes;
        Peak = Math.Max(Peak, Bytes);
    }

    /// <summary>
    /// A size without memory. What an arena never handed out costs nothing, as on a processor, whose system gives pages
    /// when they are written.
    /// </summary>
    private sealed class DryBuffer(DryDevice device, long bytes) : DeviceBuffer(bytes)
    {
        private long _used;

        public override void Use(long end)
        {
            if (end <= _used)
                return;
            device.Add(end - _used);
            _used = end;
        }

        protected override void Free()
        {
            device.Add(-_used);
            _used = 0;
        }
    }
}
