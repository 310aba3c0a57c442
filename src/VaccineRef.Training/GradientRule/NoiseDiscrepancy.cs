using System.Numerics.Tensors;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// The maximum mean discrepancy between what texts look like at a site and noise, with its slope, in double on the
/// host.
/// <code>
/// MMD = 1/B^2 sum over a, b of k(x_a, x_b) + k(z_a, z_b) - 2 k(x_a, z_b),   k(u, v) = sum over i = 0 .. 4 of exp(-||u
/// - v||^2 / (2^i s)) s = 1/4 the mean of ||u - v||^2 over all pairs of different vectors among the 2B; no slope is
/// taken through it
/// </code>
/// x_a are the hidden embeddings of text a at its masked places, end to end and 0 at all other places; z_a is noise at
/// the same places. Source: Rosati et al., arXiv 2405.14577, loss.py, and the kernels of Long et al., arXiv 1502.02791.
/// </summary>
internal static class NoiseDiscrepancy
{
    private const int Kernels = 5, Middle = 4;

    /// <summary>Measures it.</summary>
    /// <param name="batch">The texts.</param>
    /// <param name="rows">The masked rows of the batch, ascending.</param>
    /// <param name="hidden">The hidden embedding of each row of the batch.</param>
    /// <param name="noise">Noise for each row of the batch, as long.</param>
    /// <param name="slope">
    /// Receives the slope with respect to each hidden embedding; it is 0 where the mask is not.
    /// </param>
    public static double Measure(
        PackedBatch batch, IReadOnlyList<int> rows, double[][] hidden, double[][] noise, double[][] slope)
    {
        var texts = Enumerable.Range(0, batch.Sequences).Select(text => rows
            .Where(row => row >= batch.Offsets[text] && row < batch.Offsets[text + 1])
            .ToDictionary(row => row - batch.Offsets[text])).ToArray();
        int count = texts.Length;
        double[,] distance = new double[2 * count, 2 * count];
        double mean = 0;
        for (int a = 0; a < 2 * count; a++)
            for (int b = 0; b < a; b++)
            {
                distance[a, b] = distance[b, a] = Distance(texts[a % count], Of(a), texts[b % count], Of(b));
                mean += distance[a, b] / (count * ((2 * count) - 1.0));
            }

        if (mean == 0)
            return 0;
        double value = 0;
        for (int a = 0; a < 2 * count; a++)
            for (int b = 0; b < 2 * count; b++)
            {
                double sign = a < count == b < count ? 1 : -1, weight = sign / ((double)count * count);
                var (kernel, fall) = Kernel(distance[a, b], mean / Middle);
                value += weight * kernel;
                if (a < count && a != b)
                    AddSlope(a, b, 2 * 2 * weight * fall);              // d||u - v||^2 = 2 (u - v) du, and each pair stands there twice
            }

        return value;

        double[][] Of(int vector) => vector < count ? hidden : noise;

        void AddSlope(int a, int b, double factor)
        {
            foreach (var (place, row) in texts[a])
            {
                double[]? other = texts[b % count].TryGetValue(place, out int at) ? Of(b)[at] : null;
                for (int c = 0; c < slope[row].Length; c++)
                    slope[row][c] += factor * (hidden[row][c] - (other?[c] ?? 0));
            }
        }
    }

    /// <summary>
    /// Standard normal noise for each row of a batch. It follows from the text that the row is of and from its place
    /// there, so that the order of the texts in the batch does not matter.
    /// </summary>
    public static double[][] Noise(PackedBatch batch, int columns, RandomStream random)
    {
        IEnumerable<double[]> Of(int first, int end)
        {
            var own = random.At(string.Join(',', batch.Tokens[first..end]));
            return Enumerable.Range(0, end - first).Select(
                place => Enumerable.Range(0, columns).Select(c => own.Normal(((long)place * columns) + c)).ToArray());
        }

        return [.. Enumerable.Range(0, batch.Sequences)
            .SelectMany(text => Of(batch.Offsets[text], batch.Offsets[text + 1]))];
    }

    private static (double Value, double Slope) Kernel(double distance, double width)
    {
        var (value, slope) = (0.0, 0.0);
        for (int i = 0; i < Kernels; i++, width *= 2)
        {
            double kernel = Math.Exp(-distance / width);
            value += kernel;
            slope -= kernel / width;
        }

        return (value, slope);
    }

    private static double Distance(
        Dictionary<int, int> places, double[][] of, Dictionary<int, int> others, double[][] ofOthers)
    {
        double sum = 0;
        foreach (var (place, row) in places)
            sum += others.TryGetValue(place, out int at)
                ? Squared(TensorPrimitives.Distance<double>(of[row], ofOthers[at]))
                : Length(of[row]);

        return sum + others.Where(each => !places.ContainsKey(each.Key)).Sum(each => Length(ofOthers[each.Value]));

        static double Squared(double distance) => distance * distance;

        static double Length(double[] vector) => TensorPrimitives.SumOfSquares<double>(vector);
    }
}
