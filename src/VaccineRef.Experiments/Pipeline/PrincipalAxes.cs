namespace VaccineRef.Experiments.Pipeline;

/// <summary>
/// The two directions along which points spread most: eigenvectors of their covariance, by cyclic Jacobi rotations in
/// double. An axis points where its largest component is positive.
/// </summary>
public sealed class PrincipalAxes
{
    private const int MostSweeps = 60;
    private const double Negligible = 1e-24;

    private readonly double[] _mean;
    private readonly double[][] _axes;

    /// <summary>Finds them; every point has the same number of coordinates, at least 2.</summary>
    public PrincipalAxes(IReadOnlyList<double[]> points)
    {
        int n = points[0].Length;
        _mean = [.. Enumerable.Range(0, n).Select(i => points.Average(point => point[i]))];
        var covariance = new double[n, n];
        foreach (double[] point in points)
            for (int i = 0; i < n; i++)
                for (int j = 0; j < n; j++)
                    covariance[i, j] += (point[i] - _mean[i]) * (point[j] - _mean[j]) / points.Count;
        double[,] vectors = Diagonalize(covariance);
        double total = Enumerable.Range(0, n).Sum(i => covariance[i, i]);
        int[] order = [.. Enumerable.Range(0, n).OrderByDescending(i => covariance[i, i]).Take(2)];
        _axes = [.. order.Select(axis => Oriented([.. Enumerable.Range(0, n).Select(i => vectors[i, axis])]))];
        Explained = [.. order.Select(axis => total > 0 ? covariance[axis, axis] / total : 0)];
    }

    /// <summary>The share of the variance along each axis.</summary>
    public IReadOnlyList<double> Explained { get; }

    /// <summary>A point on the two axes.</summary>
    public double[] Project(double[] point) =>
        [.. _axes.Select(axis => axis.Select((a, i) => a * (point[i] - _mean[i])).Sum())];

    private static double[] Oriented(double[] axis) =>
        axis.MaxBy(Math.Abs) < 0 ? [.. axis.Select(a => -a)] : axis;

    /// <summary>
    /// Leaves the eigenvalues on the diagonal of <paramref name="a"/>; returns the eigenvectors as columns.
    /// </summary>
    internal static double[,] Diagonalize(double[,] a)
    {
        int n = a.GetLength(0);
        var v = new double[n, n];
        double scale = 0;
        for (int i = 0; i < n; i++)
            (v[i, i], scale) = (1, scale + (a[i, i] * a[i, i]));
        for (int sweep = 0; sweep < MostSweeps; sweep++)
        {
            double off = 0;
            for (int p = 0; p < n; p++)
                for (int q = p + 1; q < n; q++)
                {
                    off += a[p, q] * a[p, q];
                    Rotate(a, v, p, q);
                }

            if (off <= Negligible * scale)
                break;
        }

        return v;
    }

    /// <summary>The plane rotation that makes a[p, q] zero.</summary>
    private static void Rotate(double[,] a, double[,] v, int p, int q)
    {
        if (a[p, q] == 0)
            return;
        double theta = (a[q, q] - a[p, p]) / (2 * a[p, q]);
        double t = (theta < 0 ? -1 : 1) / (Math.Abs(theta) + Math.Sqrt((theta * theta) + 1));
        double c = 1 / Math.Sqrt((t * t) + 1), s = t * c;
        int n = a.GetLength(0);
        for (int i = 0; i < n; i++)
            (a[i, p], a[i, q]) = ((c * a[i, p]) - (s * a[i, q]), (s * a[i, p]) + (c * a[i, q]));
        for (int i = 0; i < n; i++)
            (a[p, i], a[q, i]) = ((c * a[p, i]) - (s * a[q, i]), (s * a[p, i]) + (c * a[q, i]));
        for (int i = 0; i < n; i++)
            (v[i, p], v[i, q]) = ((c * v[i, p]) - (s * v[i, q]), (s * v[i, p]) + (c * v[i, q]));
    }
}
