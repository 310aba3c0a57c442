using VaccineRef.Core;
using VaccineRef.Experiments.Edits;
using VaccineRef.Experiments.World;
using VaccineRef.Laws;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Tests.Edits;

/// <summary>
/// Safe Delta against its equations, with elimination in the place of Cholesky's factor, on Llama, OPT and GPT-2.
/// </summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 8)]
public sealed class SafeDeltaLaws
{
    // Products and their inverses with 1 % of damping: condition below 1e4, some thousand roundings.
    private const double Tolerance = 1e-8;

    private static SafeDeltaOptions Edit(double strength, Variant variant = Variant.Paper) =>
        new() { Name = "select", Aligned = ThreeModels.Aligned, Safe = new WorldRefusalsOptions(), Strength = strength, Variant = variant };

    [Property]
    public void At_strength_zero_the_model_is_the_aligned_one_bit_for_bit(TinyModel tiny)
    {
        using var models = new ThreeModels(tiny);
        var size = models.Apply(Edit(0));
        Assert.Equal(models.Tuned.Count, size.Tensors);
        foreach (var (name, values) in ThreeModels.Weights(models.Model))
            Assert.Equal(models.AtAlignment[name], values);
    }

    /// <summary>
    /// The rule by its definition: prices and compensation by solving the equations of the inputs that are left.
    /// </summary>
    [Property]
    public void It_takes_over_what_the_budget_allows_and_compensates_by_least_squares(
        ulong seed, byte sizes, byte strength, bool released, bool blocks)
    {
        int inputs = 2 + (sizes % 6), outputs = 1 + (sizes / 6 % 4), together = released ? DeltaSelection.Together : 1,
            block = blocks ? 3 : 2048;
        var random = RandomStream.FromSeed(seed);
        double[,] x = Draw(random.At("x"), 2 * inputs, inputs), products = x.Transposed().Times(x);
        double[,] weights = Draw(random.At("w"), outputs, inputs),
            wanted = Draw(random.At("d"), outputs, inputs).Plus(1, weights);
        // without end, the last 15 % alone are not taken over
        double budget = strength % 4 == 0 ? 1e12 : strength * 20.0;
        double[][] found = Rows(weights);
        bool[][] taken = new DeltaSelection(Rows(products), budget, together, block).Take(found, Rows(wanted));
        double mean = Enumerable.Range(0, inputs).Average(j => products[j, j]);
        for (int j = 0; j < inputs; j++)
            products[j, j] += 0.01 * mean;
        double Price(int j) => products[j, j] - Enumerable.Range(j + 1, inputs - j - 1).Zip(
            Solved(products, j),
            (k, one) => one * products[k, j]).Sum();          // what is left of H_jj when later inputs do their best
        for (int first = 0; first < inputs; first += block)
        {
            int[] part = [.. Enumerable.Range(first, Math.Min(block, inputs - first))];
            double allowed = part.Average(Price) * budget / 2 * outputs / 4096, spent = 0;
            int most = (part.Length * outputs) - (int)(0.15 * part.Length * outputs);
            bool open = true;
            foreach (var (n, (j,
                i)) in part.OrderBy(Price).SelectMany(j => Enumerable.Range(0, outputs).Select(i => (j, i))).Index())
            {
                spent += Math.Pow(wanted[i, j] - weights[i, j], 2) * Price(j);
                if (Math.Abs(spent - allowed) < Tolerance * (1 + allowed))
                    return;                                                      // so near that rounding decides
                open &= spent <= allowed && n < most;
                Assert.Equal(open, taken[i][j]);
            }

            for (int from = first; from <= part[^1]; from += together)
                for (int j = from; j < Math.Min(from + together, part[^1] + 1); j++)
                    for (int i = 0; i < outputs; i++)
                    {
                        if (!taken[i][j])
                            continue;
                        double change = wanted[i, j] - weights[i, j];
                        weights[i, j] = wanted[i, j];
                        int end = Math.Min(from + together, part[^1] + 1);
                        double[] solved = Solved(products, j);
                        for (int k = end; k < inputs; k++)
                            weights[i, k] -= change * solved[k - j - 1];
                    }
        }

        for (int i = 0; i < outputs; i++)
            for (int j = 0; j < inputs; j++)
                Assert.Equal(weights[i, j], found[i][j], Tolerance * (1 + Math.Abs(weights[i, j])));
    }

    /// <summary>
    /// On a model: what is taken over is that of the fine-tuning, its share grows with the strength, and counts are
    /// true.
    /// </summary>
    [Property]
    public void More_strength_takes_more_over_and_nothing_but_linear_layers(TinyModel tiny)
    {
        using var models = new ThreeModels(tiny);
        int last = 0;
        foreach (double strength in (double[])[1, 100, 1e12])
        {
            models.Reset();
            models.Apply(Edit(strength));
            var after = ThreeModels.Weights(models.Model);
            int taken = models.Model.Network.Linears.Sum(
                layer => after[layer.Weight.Name].Zip(models.Tuned[layer.Weight.Name])
                    .Count(each => each.First == each.Second));
            Assert.InRange(taken, last, int.MaxValue);
            last = taken;
            string[] linears = [.. models.Model.Network.Linears.Select(layer => layer.Weight.Name)];
            Assert.All(
                after.Where(each => !linears.Contains(each.Key)),
                each => Assert.Equal(models.AtAlignment[each.Key], each.Value));
            Assert.Equal(
                after.Sum(each => each.Value.Zip(models.Tuned[each.Key]).Count(pair => pair.First != pair.Second)),
                EditedAgain(models, strength));
        }

        int all = models.Model.Network.Linears.Sum(layer => layer.Inputs * layer.Outputs);
        Assert.InRange(last, 0.85 * all, all);                                  // 15 % never
    }

    [Fact]
    public void Any_number_of_threads_gives_the_same_bits()
    {
        var tiny = new TinyModel(Family.Gpt2, false, 2, 1, 2, 8, 300, new(16, 15, 14), Seed: 21);
        Dictionary<string, double[]> Edited(int threads)
        {
            using var models = new ThreeModels(tiny, threads);
            models.Apply(Edit(50));
            return ThreeModels.Weights(models.Model);
        }

        Assert.Equal(Edited(1), Edited(3));
    }

    private static long EditedAgain(ThreeModels models, double strength)
    {
        models.Reset();
        return models.Apply(Edit(strength)).Changed;
    }

    /// <summary>How the inputs behind j follow j where they do their best: H_FF^-1 H_Fj, by elimination.</summary>
    private static double[] Solved(double[,] products, int j)
    {
        int size = products.GetLength(0) - j - 1;
        double[,] left = new double[size, size + 1];
        for (int a = 0; a < size; a++)
            for (int b = 0; b <= size; b++)
                left[a, b] = products[j + 1 + a, b == size ? j : j + 1 + b];
        for (int pivot = 0; pivot < size; pivot++)
            for (int row = 0; row < size; row++)
            {
                if (row == pivot)
                    continue;
                double factor = left[row, pivot] / left[pivot, pivot];
                for (int b = 0; b <= size; b++)
                    left[row, b] -= factor * left[pivot, b];
            }

        return [.. Enumerable.Range(0, size).Select(row => left[row, size] / left[row, row])];
    }

    private static double[,] Draw(RandomStream random, int rows, int columns)
    {
        var drawn = new double[rows, columns];
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                drawn[i, j] = random.At(i).Normal(j);
        return drawn;
    }

    private static double[][] Rows(double[,] matrix) => [.. Enumerable.Range(0, matrix.GetLength(0)).Select(
        i => Enumerable.Range(0, matrix.GetLength(1)).Select(j => matrix[i, j]).ToArray())];
}
