using ILGPU;
using VaccineRef.Core;

namespace VaccineRef.Gpu;

/// <summary>A row-major matrix in a GPU's memory, as kernels see it: the twin of <see cref="View{T}"/>.</summary>
public readonly struct GpuView<T> where T : unmanaged
{
    /// <summary>Views <paramref name="elements"/> as rows and columns.</summary>
    public GpuView(ArrayView<T> elements, int rows, int columns)
    {
        Elements = elements;
        Rows = rows;
        Columns = columns;
    }

    /// <summary>The elements, row after row.</summary>
    public ArrayView<T> Elements { get; }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Number of columns.</summary>
    public int Columns { get; }

    /// <summary>Number of elements.</summary>
    public long Count => (long)Rows * Columns;

    /// <summary>Nothing behind it: "there is nothing to write here". For the host: kernels are not launched for it.</summary>
    public bool IsEmpty => Count == 0;

    /// <summary>Element <paramref name="i"/>, counted row after row.</summary>
    public ref T this[long i] => ref Elements[i];

    /// <summary>The element of a row and a column.</summary>
    public ref T this[int row, int column] => ref Elements[((long)row * Columns) + column];
}
