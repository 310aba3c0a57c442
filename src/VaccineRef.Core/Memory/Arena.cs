namespace VaccineRef.Core;

/// <summary>
/// Memory with one lifetime. <see cref="Allocate{T}"/> moves a mark forward; <see cref="Rewind"/> moves it back to the
/// start and frees nothing, so that from the second step on no memory is taken. What is given back before that by <see
/// cref="Free{T}"/> goes to the next allocation of the same size. Not safe for several threads at once.
/// </summary>
public sealed class Arena(Device device) : IDisposable
{
    // Blocks double, up to a size of which a large model takes many: what the last leaves empty is little beside it. What would
    // leave much of such a block empty has one of its own.
    private const long SmallestBlock = 1 << 16, LargestBlock = 1L << 29, Large = LargestBlock / 8;
    private readonly List<DeviceBuffer> _blocks = [];
    private readonly Dictionary<long, Stack<(DeviceBuffer Block, long Start)>> _free = [];     // by size, both in bytes
    private long _used;          // bytes of the last block in use
    private long _before;        // bytes of all blocks but the last

    /// <summary>Bytes in use now.</summary>
    public long InUse => _before + _used;

    /// <summary>The most bytes that were ever in use at once.</summary>
    public long Peak { get; private set; }

    /// <summary>Bytes held from the device.</summary>
    public long Reserved => _blocks.Sum(block => block.Bytes);

    /// <summary>
    /// Space for <paramref name="shape"/> elements, 64-byte aligned, uninitialised unless <paramref name="clear"/>.
    /// </summary>
    /// <exception cref="InputException">The device is out of memory.</exception>
    public unsafe View<T> Allocate<T>(Shape shape, bool clear = false) where T : unmanaged
    {
        long bytes = Size<T>(shape);
        View<T> view;
        if (_free.TryGetValue(bytes, out var free) && free.TryPop(out var at))
            view = new(at.Block, at.Start / sizeof(T), shape);
        else
            view = Take<T>(shape, bytes);

        if (clear)
            device.Clear(view);
        return view;
    }

    /// <summary>
    /// Gives a view that <see cref="Allocate{T}"/> returned back for the next allocation of its size; it is void.
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
    /// Gives everything up: views handed out so far are void. Several blocks are joined into one of their total size.
    /// </summary>
    public void Rewind()
    {
        if (_blocks.Count > 1)
        {
            long total = Reserved;
            Dispose();
            _blocks.Add(device.Reserve(total));
        }

        Forget();
    }

    /// <summary>Gives the memory back to the device.</summary>
    public void Dispose()
    {
        foreach (var block in _blocks)
            block.Dispose();
        _blocks.Clear();
        Forget();
    }

    private static unsafe long Size<T>(Shape shape) where T : unmanaged =>
        (shape.Count * sizeof(T) + HostBuffer.Alignment - 1) & -HostBuffer.Alignment;

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
            _blocks.Insert(_blocks.Count - 1, device.Reserve(bytes));
            _before += bytes;
            view = new(_blocks[^2], 0, shape);
        }
        else
        {
            if (full)
                Grow(bytes);
            view = new(_blocks[^1], _used / sizeof(T), shape);
            _used += bytes;
        }

        Peak = Math.Max(Peak, InUse);
        return view;
    }

    private void Grow(long bytes)
    {
        _before += _used;
        _used = 0;
        _blocks.Add(device.Reserve(Math.Max(bytes, Math.Clamp(Reserved, SmallestBlock, LargestBlock))));
    }
}
