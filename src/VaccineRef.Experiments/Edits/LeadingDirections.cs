using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Kernels;

namespace VaccineRef.Experiments.Edits;

/// <summary>
/// The k leading left singular vectors of a matrix, by subspace iteration with Rayleigh-Ritz values (Golub and Van
/// Loan, Matrix Computations, section 8.2.4). Products with the matrix run on the device; what is as small as k is done
/// in double. The first block is drawn from a fixed seed, so that the same matrix gives the same bits.
/// </summary>
/// <remarks>
/// It ends where the sum of the k largest squared singular values grows by less than 32 eps of itself. A part of the
/// matrix that is left out wrongly is then as small as that, even where the k-th and the next singular value are so
/// close that their vectors are not determined.
/// </remarks>
internal static class LeadingDirections
{
    private const int Oversampling = 8, MostRounds = 300;

    /// <summary>Finds them.</summary>
    /// <param name="matrix">The matrix; with <see cref="WeightLayout.InOut"/>, its transpose is meant.</param>
    /// <param name="count">k, at least 1. There are no more than the matrix has rows or columns.</param>
    /// <param name="device">Where the matrix lives.</param>
    /// <param name="layout">Whether the matrix lies as it is meant.</param>
    /// <returns>Orthonormal rows, each as long as the matrix is high; fewer than k where its rank is lower.</returns>
    public static double[][] Of<T>(View<T> matrix, int count, Device device, WeightLayout layout = WeightLayout.OutIn)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        bool lies = layout == WeightLayout.OutIn;
        int height = lies ? matrix.Rows : matrix.Columns;
        Linear<T> forth = new(lies ? WeightLayout.InOut : WeightLayout.OutIn), back = new(layout);
        using var tape = new Tape<T>(device);
        var random = RandomStream.FromSeed(0);
        int size = Math.Min(Math.Min(matrix.Rows, matrix.Columns), count + Oversampling);
        var block = Enumerable.Range(0, size).Select(row =>
            Enumerable.Range(0, height).Select(i => random.At(row).Normal(i)).ToArray()).ToArray();
        double last = -1, tolerance = 32 * double.CreateChecked(Eps<T>());
        for (int round = 0; ; round++)
        {
            block = Orthonormal(block, double.CreateChecked(Eps<T>()) * height);
            if (block.Length == 0)
                return [];
            double[][] image = Product(tape, forth, block, matrix);
            var (values, vectors) = Ritz(image);
            double sum = values.Take(count).Sum();
            if (Math.Abs(sum - last) <= tolerance * sum || round == MostRounds)
                return [.. Enumerable.Range(0, Math.Min(count, block.Length)).Where(i => values[i] > 0)
                    .Select(i => Mix(block, vectors, i))];
            last = sum;
            block = Product(tape, back, image, matrix);
        }
    }

    /// <summary>Rows as a matrix on the tape.</summary>
    public static Tensor<T> Place<T>(Tape<T> tape, double[][] rows) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var place = tape.Zeros(new(rows.Length, rows[0].Length));
        for (int row = 0; row < rows.Length; row++)
            tape.Device.Upload<T>(Array.ConvertAll(rows[row], T.CreateChecked), place.Value.SliceRows(row, 1));
        return place;
    }

    /// <summary>Rows as columns.</summary>
    public static double[][] Transposed(double[][] rows) =>
        [.. Enumerable.Range(0, rows[0].Length).Select(i => rows.Select(row => row[i]).ToArray())];

    private static T Eps<T>() where T : unmanaged, IFloatingPointIeee754<T> => T.BitIncrement(T.One) - T.One;

    private static double[][] Product<T>(Tape<T> tape, Linear<T> product, double[][] rows, View<T> matrix)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var result = tape.Apply(product, [Place(tape, rows), tape.Constant(matrix)]).Value;
        var read = new T[result.Columns];
        double[][] found = new double[result.Rows][];
        for (int row = 0; row < found.Length; row++)
        {
            tape.Device.Download(result.SliceRows(row, 1), read);
            found[row] = Array.ConvertAll(read, double.CreateChecked);
        }

        tape.Clear();
        return found;
    }

    /// <summary>Gram and Schmidt, twice; a row that depends on those before it is left out.</summary>
    private static double[][] Orthonormal(double[][] rows, double negligible)
    {
        var kept = new List<double[]>();
        foreach (double[] row in rows)
        {
            double before = Math.Sqrt(Dot(row, row));
            for (int again = 0; again < 2; again++)
                foreach (double[] other in kept)
                    AddTo(row, -Dot(row, other), other);
            double norm = Math.Sqrt(Dot(row, row));
            if (norm <= negligible * before)
                continue;
            for (int i = 0; i < row.Length; i++)
                row[i] /= norm;
            kept.Add(row);
        }

        return [.. kept];
    }

    /// <summary>Eigenvalues, descending, and eigenvectors of the products of the rows with each other.</summary>
    private static (double[] Values, double[][] Vectors) Ritz(double[][] rows)
    {
        int n = rows.Length;
        var gram = new double[n, n];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                gram[i, j] = Dot(rows[i], rows[j]);
        double[,] vectors = PrincipalAxes.Diagonalize(gram);
        int[] order = [.. Enumerable.Range(0, n).OrderByDescending(i => gram[i, i])];
        return ([.. order.Select(i => gram[i, i])],
            [.. order.Select(i => Enumerable.Range(0, n).Select(row => vectors[row, i]).ToArray())]);
    }

    private static double[] Mix(double[][] rows, double[][] vectors, int index)
    {
        double[] mixed = new double[rows[0].Length];
        for (int row = 0; row < rows.Length; row++)
            AddTo(mixed, vectors[index][row], rows[row]);
        return mixed;
    }

    private static double Dot(double[] a, double[] b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
            sum += a[i] * b[i];
        return sum;
    }

    private static void AddTo(double[] to, double factor, double[] from)
    {
        for (int i = 0; i < to.Length; i++)
            to[i] += factor * from[i];
    }
}
