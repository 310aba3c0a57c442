using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>
/// A matrix in a GPU's memory as a product reads or writes it: a view as it lies or transposed. The twin of
/// <see cref="Matrix{T}"/>.
/// </summary>
/// <typeparam name="T">The element type.</typeparam>
/// <param name="view">The elements, row-major.</param>
/// <param name="isTransposed">Whether the matrix is the transpose of the view.</param>
public readonly struct GpuMatrix<T>(GpuView<T> view, bool isTransposed) where T : unmanaged
{
    /// <summary>The elements, row-major.</summary>
    public GpuView<T> View { get; } = view;

    /// <summary>Whether the matrix is the transpose of the view.</summary>
    public bool IsTransposed { get; } = isTransposed;

    /// <summary>Number of rows of the matrix.</summary>
    public int Rows => IsTransposed ? View.Columns : View.Rows;

    /// <summary>Number of columns of the matrix.</summary>
    public int Columns => IsTransposed ? View.Rows : View.Columns;

    /// <summary>A view as it lies.</summary>
    public static implicit operator GpuMatrix<T>(GpuView<T> view) => new(view, isTransposed: false);

    /// <summary>The transpose, in the same memory.</summary>
    public GpuMatrix<T> Transposed() => new(View, !IsTransposed);
}

/// <summary>Turns views on a GPU into the operands of products.</summary>
public static class GpuMatrixViews
{
    /// <summary>The transpose of a view, in the same memory.</summary>
    public static GpuMatrix<T> Transposed<T>(this GpuView<T> view) where T : unmanaged => new(view, isTransposed: true);
}
