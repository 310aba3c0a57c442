using System.Diagnostics;

namespace VaccineRef.Core;

/// <summary>
/// A row-major matrix inside a buffer. A view says where values are, not who owns them: it becomes invalid when the arena
/// that it came from is rewound or disposed. The elements can be read directly only if they are in host memory.
/// </summary>
/// <typeparam name="T">Element type, <c>float</c> or <c>double</c>.</typeparam>
public readonly unsafe struct View<T> where T : unmanaged
{
    private readonly T* _address;

    /// <summary>
    /// Makes a view of the elements of <paramref name="buffer"/> that begin at element <paramref name="offset"/>.
    /// </summary>
    public View(DeviceBuffer buffer, long offset, Shape shape)
    {
        Debug.Assert((offset + shape.Count) * sizeof(T) <= buffer.Bytes);
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
    /// Whether there is no buffer behind this view. A kernel that is handed an empty view for an output must not write it.
    /// </summary>
    public bool IsEmpty => Buffer is null;

    /// <summary>The address of the first element in host memory. It is not checked.</summary>
    public T* Address
    {
        get
        {
            Debug.Assert(_address != null || Shape.Count == 0, "a host kernel was handed a view of another device's memory");
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

    /// <summary>The part of this view that begins at element <paramref name="offset"/>.</summary>
    public View<T> Slice(long offset, Shape shape)
    {
        Debug.Assert(offset + shape.Count <= Shape.Count);
        return Buffer is null ? default : new(Buffer, Offset + offset, shape);
    }

    /// <summary>The <paramref name="count"/> rows that begin with row <paramref name="first"/>.</summary>
    public View<T> SliceRows(int first, int count) => Slice((long)first * Columns, new(count, Columns));

    private void RequireReadable()
    {
        if (Buffer is { } buffer && (_address == null || buffer.IsFreed) && Shape.Count > 0)
            ThrowUnreadable(buffer);
    }

    private static void ThrowNoSuchRow(int row, Shape shape) =>
        throw new ArgumentOutOfRangeException(nameof(row), row, $"the view has the shape {shape}");

    private static void ThrowUnreadable(DeviceBuffer buffer) => throw (buffer.IsFreed
        ? new ObjectDisposedException(nameof(Arena), "This view is void: its memory has been freed.")
        : new InvalidOperationException("These values are on another device: download them first."));
}
