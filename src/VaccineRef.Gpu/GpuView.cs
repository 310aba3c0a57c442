using ILGPU;
using VaccineRef.Core;

namespace VaccineRef.Gpu;

/// <summary>A row-major matrix in a GPU's memory, as kernels see it: the twin of <see cref="View{T}"/>.</summary>
public readonly struct GpuView<T> where T : unmanaged
{
    /// <summary>Sees <paramref name="elements"/> as a matrix of so many rows and columns.</summary>
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

    /// <summary>
    /// Whether there is nothing behind the view, which means that nothing is to be written there. For the host: no
    /// kernel is launched for it.
    /// </summary>
    public bool IsEmpty => Count == 0;

    /// <summary>Element number <paramref name="i"/>, counted row after row.</summary>
    public ref T this[long i] => ref Elements[i];

    /// <summary>The element in a row and a column.</summary>
    public ref T this[int row, int column] => ref Elements[((long)row * Columns) + column];
}
