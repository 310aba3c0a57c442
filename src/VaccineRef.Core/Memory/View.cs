namespace VaccineRef.Core;

/// <summary>
/// A row-major matrix inside a buffer. A view says where values are, not who owns them: it becomes invalid when the
/// arena that it came from is rewound or disposed. The elements can be read directly only if they are in host memory.
/// </summary>
/// <typeparam name="T">Element type, <c>float</c> or <c>double</c>.</typeparam>
public readonly unsafe struct View<T> where T : unmanaged
{
    private readonly T* _address;

    /// <summary>
    /// Makes a view of the elements of <paramref name="buffer"/> that begin at element <paramref name="offset"/>.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">They are not all in the buffer.</exception>
    public View(DeviceBuffer buffer, long offset, Shape shape)
    {
        RequireInside(offset, shape, buffer.Bytes / sizeof(T));
        Buffer = buffer;
        Offset = offset;
        Shape = shape;
        _address = buffer.HostAddress is null ? null : (T*)buffer.HostAddress + offset;
    }

    /// <summary>The buffer that holds the elements; null for the empty view.</summary>
    public DeviceBuffer? Buffer { get; }

    /// <summary>Where the view begins in its buffer, counted in elements.</summary>
    public long Offset { get; }

    /// <summary>Rows and columns.</summary>
    public Shape Shape { get; }

    /// <summary>Number of rows.</summary>
    public int Rows => Shape.Rows;

    /// <summary>Number of columns.</summary>
    public int Columns => Shape.Columns;

    /// <summary>
    /// Whether there is no buffer behind this view. A kernel that is handed an empty view for an output must not write
    /// it.
    /// </summary>
    public bool IsEmpty => Buffer is null;

    /// <summary>
    /// The address of the first element in host memory. Whether that memory has been freed is not checked: a device
    /// checks it once for every call (<see cref="RequireReadable"/>).
    /// </summary>
    /// <exception cref="InvalidOperationException">The elements are on another device.</exception>
    public T* Address
    {
        get
        {
            if (_address == null && Shape.Count > 0)
                RequireReadable();
            return _address;
        }
    }

    /// <summary>All elements, in host memory. There may be at most 2^31 - 1 of them.</summary>
    /// <exception cref="ObjectDisposedException">The memory has been freed.</exception>
    /// <exception cref="InvalidOperationException">
    /// The elements are on another device; <see cref="Device.Download"/> brings them to the host.
    /// </exception>
    public Span<T> Span
    {
        get
        {
            RequireReadable();
            return new(_address, checked((int)Shape.Count));
        }
    }

    /// <summary>The elements of one row, in host memory.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    /// <inheritdoc cref="Span" path="/exception"/>
    public Span<T> Row(int row)
    {
        if ((uint)row >= (uint)Rows)
            ThrowNoSuchRow(row, Shape);
        RequireReadable();
        return new(_address + ((long)row * Columns), Columns);
    }

    /// <summary>The same elements as a matrix of another shape. A smaller shape is the first part of them.</summary>
    public View<T> As(Shape shape) => Slice(0, shape);

    /// <summary>
    /// The part of this view that begins at element <paramref name="offset"/>; of the empty view the empty view.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The part is not all in this view.</exception>
    public View<T> Slice(long offset, Shape shape)
    {
        if (Buffer is null)
            return default;
        RequireInside(offset, shape, Shape.Count);
        return new(Buffer, Offset + offset, shape);
    }

    /// <summary>The <paramref name="count"/> rows that begin with row <paramref name="first"/>.</summary>
    public View<T> SliceRows(int first, int count) => Slice((long)first * Columns, new(count, Columns));

    /// <summary>
    /// Checks that the elements can be read here and now: that they are in host memory, and that it is not freed.
    /// </summary>
    /// <inheritdoc cref="Span" path="/exception"/>
    public void RequireReadable()
    {
        if (Buffer is { } buffer && (_address == null || buffer.IsFreed) && Shape.Count > 0)
            ThrowUnreadable(buffer);
    }

    private static void RequireInside(long offset, Shape shape, long elements)
    {
        if (offset < 0 || shape.Rows < 0 || shape.Columns < 0 || offset > elements || shape.Count > elements - offset)
            ThrowOutside(offset, shape, elements);
    }

    private static void ThrowOutside(long offset, Shape shape, long elements) => throw new ArgumentOutOfRangeException(
        nameof(shape), $"{shape}, from element {offset} on", $"there are {elements} elements");

    private static void ThrowNoSuchRow(int row, Shape shape) =>
        throw new ArgumentOutOfRangeException(nameof(row), row, $"the view has the shape {shape}");

    private static void ThrowUnreadable(DeviceBuffer buffer) => throw (buffer.IsFreed
        ? new ObjectDisposedException(nameof(Arena), "This view is void: its memory has been freed.")
        : new InvalidOperationException("These values are on another device: download them first."));
}
