using System.Diagnostics;

namespace VaccineRef.Core;

/// <summary>
/// A row-major matrix somewhere in a buffer: where values lie, not who owns them. Valid as long as the arena it came from has not
/// been rewound past it. Spans and rows exist for host memory only.
/// </summary>
/// <typeparam name="T">Element type, <c>float</c> or <c>double</c>.</typeparam>
public readonly unsafe struct View<T> where T : unmanaged
{
    private readonly T* _address;

    /// <summary>Views <paramref name="shape"/> elements of <paramref name="buffer"/> from element <paramref name="offset"/> on.</summary>
    public View(DeviceBuffer buffer, long offset, Shape shape)
    {
        Debug.Assert((offset + shape.Count) * sizeof(T) <= buffer.Bytes);
        Buffer = buffer;
        Offset = offset;
        Shape = shape;
        _address = buffer.HostAddress is null ? null : (T*)buffer.HostAddress + offset;
    }

    /// <summary>The buffer, null for the empty view.</summary>
    public DeviceBuffer? Buffer { get; }

    /// <summary>First element, counted in elements from the start of the buffer.</summary>
    public long Offset { get; }

    /// <summary>Rows and columns.</summary>
    public Shape Shape { get; }

    /// <summary>Number of rows.</summary>
    public int Rows => Shape.Rows;

    /// <summary>Number of columns.</summary>
    public int Columns => Shape.Columns;

    /// <summary>No buffer behind it: "there is nothing to write here".</summary>
    public bool IsEmpty => Buffer is null;

    /// <summary>First element in host memory.</summary>
    public T* Address
    {
        get
        {
            Debug.Assert(_address != null || Shape.Count == 0, "a host kernel was handed a view of another device's memory");
            return _address;
        }
    }

    /// <summary>All elements. At most 2^31 - 1 of them.</summary>
    public Span<T> Span => new(Address, checked((int)Shape.Count));

    /// <summary>The elements of one row.</summary>
    public Span<T> Row(int row)
    {
        Debug.Assert((uint)row < (uint)Rows);
        return new(Address + ((long)row * Columns), Columns);
    }

    /// <summary>The same elements seen as another shape of the same size, or as its first part.</summary>
    public View<T> As(Shape shape) => Slice(0, shape);

    /// <summary>The part that begins at element <paramref name="offset"/> of this view.</summary>
    public View<T> Slice(long offset, Shape shape)
    {
        Debug.Assert(offset + shape.Count <= Shape.Count);
        return Buffer is null ? default : new(Buffer, Offset + offset, shape);
    }

    /// <summary>Rows <paramref name="first"/> to <paramref name="first"/> + <paramref name="count"/>.</summary>
    public View<T> SliceRows(int first, int count) => Slice((long)first * Columns, new(count, Columns));
}
