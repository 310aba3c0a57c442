using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// A matrix in host memory as a product reads or writes it: as it lies or transposed, with its own distance between
/// rows. Element (i, j) lies at Start[i * RowStep + j * ColumnStep]. It does not own its memory and is valid as long as
/// the <see cref="View{T}"/> that it came from.
/// </summary>
/// <typeparam name="T">The element type.</typeparam>
public readonly unsafe struct Matrix<T> where T : unmanaged
{
    private Matrix(T* start, int rows, int columns, nint rowStep, nint columnStep)
    {
        Start = start;
        (Rows, Columns, RowStep, ColumnStep) = (rows, columns, rowStep, columnStep);
    }

    /// <summary>A row-major matrix.</summary>
    /// <param name="start">The address of element (0, 0).</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="rowStep">Elements from a row to the next, at least the number of columns.</param>
    public Matrix(T* start, int rows, int columns, nint rowStep)
        : this(start, rows, columns, rowStep, 1)
    {
    }

    /// <summary>The address of element (0, 0).</summary>
    public T* Start { get; }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Number of columns.</summary>
    public int Columns { get; }

    /// <summary>Elements from a row to the next.</summary>
    public nint RowStep { get; }

    /// <summary>Elements from a column to the next: 1 in a row-major matrix.</summary>
    public nint ColumnStep { get; }

    /// <summary>The whole of a view, row-major.</summary>
    public static implicit operator Matrix<T>(View<T> view) => new(view.Address, view.Rows, view.Columns, view.Columns);

    /// <summary>The transpose, in the same memory.</summary>
    public Matrix<T> Transposed() => new(Start, Columns, Rows, ColumnStep, RowStep);

    /// <summary>
    /// The columns from <paramref name="first"/> to <paramref name="first"/> + <paramref name="count"/>, in the same
    /// memory.
    /// </summary>
    public Matrix<T> ColumnBlock(int first, int count) =>
        new(Start + (first * ColumnStep), Rows, count, RowStep, ColumnStep);
}

/// <summary>Turns views into the operands of products.</summary>
public static class MatrixViews
{
    /// <summary>The transpose of a view, in the same memory.</summary>
    public static Matrix<T> Transposed<T>(this View<T> view) where T : unmanaged => ((Matrix<T>)view).Transposed();
}
