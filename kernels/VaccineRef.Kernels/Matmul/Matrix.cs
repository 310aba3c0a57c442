using System.Runtime.CompilerServices;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// A matrix in host memory as a product reads or writes it: rows that lie a stride apart, or the transpose of such a
/// matrix. Element (i, j) lies at Start[i * RowStep + j * ColumnStep]. It does not own its memory and is valid as long
/// as the <see cref="View{T}"/> that it came from.
/// </summary>
/// <typeparam name="T">The element type.</typeparam>
public readonly unsafe struct Matrix<T> where T : unmanaged
{
    private readonly nint _stride;

    /// <summary>A row-major matrix.</summary>
    /// <param name="start">The address of element (0, 0).</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="stride">Elements from a row to the next, at least the number of columns.</param>
    public Matrix(T* start, int rows, int columns, nint stride)
        : this(start, rows, columns, stride, isTransposed: false)
    {
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Matrix(T* start, int rows, int columns, nint stride, bool isTransposed)
    {
        Start = start;
        Rows = rows;
        Columns = columns;
        _stride = stride;
        IsTransposed = isTransposed;
    }

    /// <summary>The address of element (0, 0).</summary>
    public T* Start { get; }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Number of columns.</summary>
    public int Columns { get; }

    /// <summary>Whether the matrix is the transpose of a row-major matrix.</summary>
    public bool IsTransposed { get; }

    /// <summary>Elements from a row to the next.</summary>
    public nint RowStep => IsTransposed ? 1 : _stride;

    /// <summary>Elements from a column to the next.</summary>
    public nint ColumnStep => IsTransposed ? _stride : 1;

    /// <summary>The whole of a view, row-major.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static implicit operator Matrix<T>(View<T> view) => new(view.Address, view.Rows, view.Columns, view.Columns);

    /// <summary>The transpose, in the same memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Matrix<T> Transposed() => new(Start, Columns, Rows, _stride, !IsTransposed);

    /// <summary>
    /// The columns from <paramref name="first"/> to <paramref name="first"/> + <paramref name="count"/>, in the same
    /// memory.
    /// </summary>
    public Matrix<T> ColumnBlock(int first, int count) =>
        new(Start + (first * ColumnStep), Rows, count, _stride, IsTransposed);
}

/// <summary>Turns views into the operands of products.</summary>
public static class MatrixViews
{
    /// <summary>The transpose of a view, in the same memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Matrix<T> Transposed<T>(this View<T> view) where T : unmanaged => ((Matrix<T>)view).Transposed();
}
