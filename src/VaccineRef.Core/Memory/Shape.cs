namespace VaccineRef.Core;

/// <summary>
/// Rows and columns of a row-major matrix. Activations are (N, C), one row for each token of the batch; weights are
/// (out, in); a vector is one row, (1, C); a scalar is (1, 1). Every value in this program is such a matrix: there are
/// no further dimensions, no strides and no broadcasting.
/// </summary>
/// <param name="Rows">Number of rows, at least 0.</param>
/// <param name="Columns">Number of columns, at least 0.</param>
public readonly record struct Shape(int Rows, int Columns)
{
    /// <summary>The shape without elements, for something that is not kept.</summary>
    public static Shape Empty => default;

    /// <summary>The shape of a single number.</summary>
    public static Shape Scalar => new(1, 1);

    /// <summary>Number of elements, Rows * Columns.</summary>
    public long Count => (long)Rows * Columns;

    /// <summary>The shape of a vector: one row of <paramref name="columns"/> elements.</summary>
    public static Shape Vector(int columns) => new(1, columns);

    /// <summary>The shape as messages show it: "(12, 64)".</summary>
    public override string ToString() => $"({Rows}, {Columns})";
}
