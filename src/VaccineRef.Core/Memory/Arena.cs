namespace VaccineRef.Core;

/// <summary>
/// Memory whose contents all end at the same time. <see cref="Allocate{T}"/> moves a mark forward, and
/// <see cref="Rewind"/> moves it back to the start without returning the memory to the device, so that from the second
/// training step on no memory is requested. A view that is given back earlier, by <see cref="Free{T}"/>, is used for
/// the next allocation of the same size. Use an arena from one thread at a time.
/// </summary>
public sealed class Arena(Device device) : IDisposable
{
    // Each block is as large as all before it together, up to a size of which a large model takes many: what the last
    // one leaves empty is then little beside the whole. An allocation that would leave much of such a block empty has
    // one of its own.
    private const long SmallestBlock = 1 << 16, LargestBlock = 1L << 29, Large = LargestBlock / 8;
    private readonly List<DeviceBuffer> _blocks = [];
    private readonly Dictionary<long, Stack<(DeviceBuffer Block, long Start)>> _free = [];     // by size, both in bytes
    private long _used;          // bytes of the last block in use
    private long _before;        // bytes of all blocks but the last
    private bool _disposed;

    /// <summary>The device whose memory it is.</summary>
    public Device Device { get; } = device;

    /// <summary>Bytes in use now, including those given back by <see cref="Free{T}"/>.</summary>
    public long InUse => _before + _used;

    /// <summary>The largest <see cref="InUse"/> so far.</summary>
    public long Peak { get; private set; }

    /// <summary>Bytes that the arena has taken from the device.</summary>
    public long Reserved => _blocks.Sum(block => block.Bytes);

    /// <summary>
    /// Takes room for a matrix, aligned to 64 bytes. The elements are uninitialised unless <paramref name="clear"/>
    /// asks for zeros.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The arena has been disposed.</exception>
    /// <exception cref="InputException">The device is out of memory.</exception>
    public unsafe View<T> Allocate<T>(Shape shape, bool clear = false) where T : unmanaged
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        long bytes = Size<T>(shape);
        View<T> view;
        if (_free.TryGetValue(bytes, out var free) && free.TryPop(out var at))
            view = new(at.Block, at.Start / sizeof(T), shape);
        else
            view = Take<T>(shape, bytes);

        if (clear)
            Device.Clear(view);
        return view;
    }

    /// <summary>
    /// Gives a view back that <see cref="Allocate{T}"/> returned. It becomes invalid, and the next allocation of its
    /// size takes its place.
    /// </summary>
    public unsafe void Free<T>(View<T> view) where T : unmanaged
    {
        if (view.Buffer is not { } block || view.Shape.Count == 0)
            return;
        long bytes = Size<T>(view.Shape);
        if (!_free.TryGetValue(bytes, out var free))
            _free.Add(bytes, free = []);
        free.Push((block, view.Offset * sizeof(T)));
    }

    /// <summary>
    /// Begins anew: all views handed out so far become invalid. If there are several blocks, one of their total size
    /// replaces them.
    /// </summary>
    public void Rewind()
    {
        if (_blocks.Count > 1)
        {
            long total = Reserved;
            FreeBlocks();
            _blocks.Add(Device.Reserve(total));
        }

        Forget();
    }

    /// <summary>Gives the memory back to the device. All views become invalid.</summary>
    public void Dispose()
    {
        _disposed = true;
        FreeBlocks();
        Forget();
    }

    private static unsafe long Size<T>(Shape shape) where T : unmanaged =>
        (shape.Count * sizeof(T) + HostBuffer.Alignment - 1) & -HostBuffer.Alignment;

    private void FreeBlocks()
    {
        foreach (var block in _blocks)
            block.Dispose();
        _blocks.Clear();
    }

    private void Forget()
    {
        _used = _before = 0;
        foreach (var free in _free.Values)
            free.Clear();
    }

    private unsafe View<T> Take<T>(Shape shape, long bytes) where T : unmanaged
    {
        View<T> view;
        bool full = _blocks.Count == 0 || _used + bytes > _blocks[^1].Bytes;
        if (full && bytes >= Large && _blocks.Count > 0)
        {
            _blocks.Insert(_blocks.Count - 1, Device.Reserve(bytes));
            _before += bytes;
            _blocks[^2].Use(bytes);
            view = new(_blocks[^2], 0, shape);
        }
        else
        {
            if (full)
                Grow(bytes);
            view = new(_blocks[^1], _used / sizeof(T), shape);
            _used += bytes;
            _blocks[^1].Use(_used);
        }

        Peak = Math.Max(Peak, InUse);
        return view;
    }

    private void Grow(long bytes)
    {
        _before += _used;
        _used = 0;
        _blocks.Add(Device.Reserve(Math.Max(bytes, Math.Clamp(Reserved, SmallestBlock, LargestBlock))));
    }
}
