namespace VaccineRef.Experiments.Tests.Edits;

/// <summary>Matrices by their definitions, in double.</summary>
internal static class NaiveMatrix
{
    public static double[,] Times(this double[,] a, double[,] b)
    {
        var product = new double[a.GetLength(0), b.GetLength(1)];
        for (int i = 0; i < a.GetLength(0); i++)
            for (int j = 0; j < b.GetLength(1); j++)
                for (int k = 0; k < b.GetLength(0); k++)
                    product[i, j] += a[i, k] * b[k, j];
        return product;
    }

    public static double[,] Transposed(this double[,] a) => Mapped(a.GetLength(1), a.GetLength(0), (i, j) => a[j, i]);

    public static double[,] Plus(this double[,] a, double factor, double[,] b) =>
        Mapped(a.GetLength(0), a.GetLength(1), (i, j) => a[i, j] + (factor * b[i, j]));

    public static double Inner(this double[,] a, double[,] b) =>
        a.Cast<double>().Zip(b.Cast<double>(), (x, y) => x * y).Sum();

    public static double Norm(this double[,] a) => Math.Sqrt(a.Inner(a));

    /// <summary>Singular values, descending, by Hestenes' one-sided rotations of the columns.</summary>
    public static double[] SingularValues(this double[,] matrix)
    {
        double[,] a = matrix.GetLength(0) >= matrix.GetLength(1) ? (double[,])matrix.Clone() : matrix.Transposed();
        int rows = a.GetLength(0), columns = a.GetLength(1);
        double Column(int p, int q) => Enumerable.Range(0, rows).Sum(i => a[i, p] * a[i, q]);
        for (int sweep = 0; sweep < 40; sweep++)
            for (int p = 0; p < columns; p++)
                for (int q = p + 1; q < columns; q++)
                {
                    double apq = Column(p, q);
                    if (apq == 0)
                        continue;
                    double angle = 0.5 * Math.Atan2(2 * apq, Column(p, p) - Column(q, q)), c = Math.Cos(angle),
                        s = Math.Sin(angle);
                    for (int i = 0; i < rows; i++)
                        (a[i, p], a[i, q]) = ((c * a[i, p]) + (s * a[i, q]), (c * a[i, q]) - (s * a[i, p]));
                }

        return [.. Enumerable.Range(0, columns).Select(p => Math.Sqrt(Column(p, p))).OrderDescending()];
    }

    private static double[,] Mapped(int rows, int columns, Func<int, int, double> of)
    {
        var mapped = new double[rows, columns];
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                mapped[i, j] = of(i, j);
        return mapped;
    }
}
