using System.Numerics.Tensors;

namespace VaccineRef.Experiments.Edits;

/// <summary>
/// Which changes of a matrix Safe Delta takes over, and what compensates for them; the equations are at
/// <see cref="SafeDeltaOptions"/>.
/// </summary>
internal sealed class DeltaSelection
{
    /// <summary>How many inputs do not compensate for each other in the release.</summary>
    public const int Together = 4;

    private const double Damping = 0.01, Never = 0.15;

    // The release was written for Llama 2 7B, whose layers have 4096 inputs and outputs: half of the strength for each
    // block of 2048.
    private const double Outputs = 4096, Halves = 2;

    private readonly double[][] _factor;                // U, upper triangular: H^-1 = U'U
    private readonly double _strength;
    private readonly int _together, _block;

    /// <summary>Prepares the selection for one layer.</summary>
    /// <param name="products">H without damping, symmetric; it is overwritten.</param>
    /// <param name="strength">The budget.</param>
    /// <param name="together">How many inputs do not compensate for each other.</param>
    /// <param name="block">How many inputs share a budget.</param>
    public DeltaSelection(double[][] products, double strength, int together, int block = 2048)
    {
        (_strength, _together, _block) = (strength, together, block);
        double mean = 0;
        for (int j = 0; j < products.Length; j++)
        {
            if (products[j][j] == 0)
                products[j][j] = 1;                     // an input that is always 0
            mean += products[j][j] / products.Length;
        }

        for (int j = 0; j < products.Length; j++)
            products[j][j] += Damping * mean;
        _factor = InverseOfUpper(products);
    }

    /// <summary>Takes changes over.</summary>
    /// <param name="weights">Where the changes begin, a row for each output; it becomes the result.</param>
    /// <param name="wanted">What all changes together would lead to.</param>
    /// <returns>Which are taken over.</returns>
    public bool[][] Take(double[][] weights, double[][] wanted)
    {
        int inputs = _factor.Length;
        bool[][] taken = [.. weights.Select(_ => new bool[inputs])];
        for (int first = 0; first < inputs; first += _block)
        {
            int end = Math.Min(inputs, first + _block);
            Choose(weights, wanted, taken, first, end);
            for (int from = first; from < end; from += _together)
                for (int output = 0; output < weights.Length; output++)
                    Compensate(weights[output], wanted[output], taken[output], from, Math.Min(end, from + _together));
        }

        return taken;
    }

    private void Choose(double[][] weights, double[][] wanted, bool[][] taken, int first, int end)
    {
        double Price(int input) => 1 / (_factor[input][input] * _factor[input][input]);
        var inputs = Enumerable.Range(first, end - first).ToArray();
        double budget = inputs.Average(Price) * _strength / Halves * (weights.Length / Outputs), spent = 0;
        long most = ((long)inputs.Length * weights.Length) - (long)(Never * inputs.Length * weights.Length), seen = 0;
        foreach (int input in inputs.OrderBy(Price))
            for (int output = 0; output < weights.Length; output++)
            {
                double change = wanted[output][input] - weights[output][input];
                spent += change * change * Price(input);
                if (spent > budget || seen++ == most)
                    return;
                taken[output][input] = true;
            }
    }

    private void Compensate(double[] weights, double[] wanted, bool[] taken, int from, int end)
    {
        for (int input = from; input < end; input++)
        {
            if (!taken[input])
                continue;
            double change = wanted[input] - weights[input];
            weights[input] = wanted[input];
            TensorPrimitives.MultiplyAdd(
                _factor[input].AsSpan(end), change / _factor[input][input], weights.AsSpan(end), weights.AsSpan(end));
        }
    }

    /// <summary>
    /// U with H^-1 = U'U: the inverse of the upper triangular R with H = R R', which Cholesky's method finds from the
    /// last row up.
    /// </summary>
    private static double[][] InverseOfUpper(double[][] symmetric)
    {
        int size = symmetric.Length;
        double[][] upper = [.. symmetric.Select(_ => new double[size])],
            inverse = [.. symmetric.Select(_ => new double[size])];
        for (int j = size - 1; j >= 0; j--)
        {
            double rest = symmetric[j][j] - TensorPrimitives.Dot<double>(
                upper[j].AsSpan(j + 1), upper[j].AsSpan(j + 1));
            upper[j][j] = Math.Sqrt(rest);
            for (int i = j - 1; i >= 0; i--)
                upper[i][j] = (symmetric[i][j] - TensorPrimitives.Dot<double>(upper[i].AsSpan(j + 1), upper[j].AsSpan(j + 1))) / upper[j][j];
        }

        for (int i = size - 1; i >= 0; i--)
        {
            for (int k = i + 1; k < size; k++)
                TensorPrimitives.MultiplyAdd(
                    inverse[k].AsSpan(k), -upper[i][k], inverse[i].AsSpan(k), inverse[i].AsSpan(k));
            inverse[i][i] = 1;
            TensorPrimitives.Multiply(inverse[i].AsSpan(i), 1 / upper[i][i], inverse[i].AsSpan(i));
        }

        return inverse;
    }
}
