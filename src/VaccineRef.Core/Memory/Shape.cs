namespace VaccineRef.Core;

/// <summary>
/// Rows x columns of a row-major matrix. A batch is its real tokens end to end, so activations are (N, C); weights are (out, in);
/// a vector is one row, (1, C); a scalar is (1, 1). Nothing here has more than two extents, strides or broadcasting.
/// </summary>
/// <param name="Rows">Number of rows, at least 0.</param>
/// <param name="Columns">Number of columns, at least 0.</param>
public readonly record struct Shape(int Rows, int Columns)
{
    /// <summary>No elements: the shape of what is not kept.</summary>
    public static Shape Empty => default;

    /// <summary>One element.</summary>
    public static Shape Scalar => new(1, 1);

    /// <summary>Number of elements, Rows * Columns.</summary>
    public long Count => (long)Rows * Columns;

    /// <summary>One row of <paramref name="columns"/> elements.</summary>
    public static Shape Vector(int columns) => new(1, columns);

    /// <summary>"(N, C)", as shapes are written in messages and comments.</summary>
    public override string ToString() => $"({Rows}, {Columns})";
}
