using VaccineRef.Core;

namespace VaccineRef.Kernels.Tests;

/// <summary>What cross-entropy promises beyond the laws of every op.</summary>
public class CrossEntropyTests
{
    private const double FloatEps = 1.2e-7, DoubleEps = 2.3e-16;

    [Property(MaxTest = 60)]
    public void Losses_are_the_textbooks_within_the_stated_bound(
        PositiveInt rows, PositiveInt columns, PositiveInt vocabulary, int seed)
    {
        var c = new Case(rows.Get, columns.Get, vocabulary.Get, seed);
        double[] expected = c.Textbook();
        double bound = (2 * (c.Columns + 4) * c.Columns * Arrays.Largest(c.Hidden) * Arrays.Largest(c.Weight))
            + c.Vocabulary + 16;
        using var wide = c.Run<double>(Reduction.None);
        using var narrow = c.Run<float>(Reduction.None);
        using var mean = c.Run<double>();
        Assert.True(Arrays.Distance(expected, wide.Y.Doubles()) <= 2 * DoubleEps * bound);  // the oracle errs too
        Assert.True(Arrays.Distance(expected, narrow.Y.Doubles()) <= FloatEps * bound);
        Assert.Equal(expected.Sum() / Math.Max(1, c.Counted), mean.Y.Span[0], 2 * DoubleEps * bound);
    }

    [Property(MaxTest = 30)]
    public void Gradients_are_the_textbooks_central_differences(
        PositiveInt rows, PositiveInt columns, PositiveInt vocabulary, int seed)
    {
        var c = new Case(1 + (rows.Get % 5), 1 + (columns.Get % 6), 1 + (vocabulary.Get % 7), seed);
        using var run = c.Run<double>(Reduction.None);
        double[] dy = Arrays.Normal(RandomStream.FromSeed((ulong)seed).At("dy"), c.Rows);
        var dx = run.Backward(dy);
        foreach (var (values, found) in new[] { c.Hidden, c.Weight }.Zip(dx))
        {
            double[] expected = Arrays.Differences(values, dy, c.Textbook);
            Assert.True(Arrays.Distance(expected, found.Doubles()) <= 1e-7 * (1 + Arrays.Largest(expected)));
        }
    }

    [Property(MaxTest = 40)]
    public void Rows_not_counted_are_as_if_they_were_not_there(PositiveInt rows, int seed)
    {
        var c = new Case(rows.Get, 5, 11, seed);
        using var all = c.Run<float>();
        int[] kept = [.. Enumerable.Range(0, c.Rows).Where(row => c.Targets[row] >= 0)];
        var counted = c with
        {
            Hidden = [.. kept.SelectMany(row => c.Hidden[(row * c.Columns)..((row + 1) * c.Columns)])],
            Targets = [.. kept.Select(row => c.Targets[row])],
        };
        using var some = counted.Run<float>();
        Assert.Equal(some.Y.Doubles(), all.Y.Doubles());
        var (expected, found) = (some.Backward([1]), all.Backward([1]));
        Assert.Equal(expected[1].Doubles(), found[1].Doubles());
        for (int row = 0; row < c.Rows; row++)
            Assert.Equal(
                kept.Contains(row)
                    ? expected[0].SliceRows(Array.IndexOf(kept, row), 1).Doubles()
                    : new double[c.Columns],
                found[0].SliceRows(row, 1).Doubles());
    }

    [Theory]
    [InlineData(Reduction.Mean, false), InlineData(Reduction.None, false)]
    [InlineData(Reduction.Mean, true), InlineData(Reduction.None, true)]
    public void Without_counted_rows_loss_and_gradients_are_0_whatever_the_inputs(
        Reduction reduction, bool fusedGradient)
    {
        var c = new Case(3, 4, 5, 1) { Targets = [-100, -100, -100], Hidden = [.. Enumerable.Repeat(double.NaN, 12)] };
        using var run = c.Run<float>(reduction, fusedGradient: fusedGradient);
        Assert.True(run.Y.Doubles().All(loss => loss == 0));
        foreach (var dx in run.Backward([.. Enumerable.Repeat(1.0, run.Y.Rows)], initial: 7))
            Assert.True(dx.Doubles().All(gradient => gradient == 7));
    }

    [Property(MaxTest = 40)]
    public void Gradients_sum_to_0_over_the_vocabulary(PositiveInt rows, PositiveInt vocabulary, int seed)
    {
        var c = new Case(rows.Get, 6, vocabulary.Get, seed);
        using var run = c.Run<double>();
        double[] dw = run.Backward([1])[1].Doubles();
        for (int column = 0; column < c.Columns; column++)
            Assert.Equal(0, Enumerable.Range(0, c.Vocabulary).Sum(v => dw[(v * c.Columns) + column]), 1e-13);
    }

    [Property(MaxTest = 20)]
    public void A_head_of_zeros_costs_log_V(PositiveInt rows, PositiveInt vocabulary, int seed)
    {
        var c = new Case(rows.Get, 3, vocabulary.Get, seed);
        Array.Clear(c.Weight);
        using var run = c.Run<double>();
        Assert.Equal(c.Counted == 0 ? 0 : Math.Log(c.Vocabulary), run.Y.Span[0], 1e-14);
    }

    [Property(MaxTest = 20)]
    public void One_vector_added_to_the_whole_head_changes_nothing(PositiveInt rows, PositiveInt vocabulary, int seed)
    {
        var c = new Case(rows.Get, 4, vocabulary.Get, seed);
        using var before = c.Run<double>();
        using var after = (c with { Weight = [.. c.Weight.Select((w, i) => w + ((i % 4) - 1.5))] }).Run<double>();
        Assert.Equal(before.Y.Span[0], after.Y.Span[0], 1e-12);
    }

    /// <summary>1,536 vocabulary entries are a block.</summary>
    [Property(MaxTest = 20)]
    public void With_a_fused_gradient_it_is_the_same_loss_bit_for_bit_and_the_same_gradient(
        PositiveInt rows, PositiveInt vocabulary, bool blocks, int seed)
    {
        const double ReorderTolerance = 1e-12;          // sums of at most some thousand doubles below 10
        var c = new Case(rows.Get, 5, vocabulary.Get + (blocks ? 3072 : 0), seed);
        foreach (var reduction in Enum.GetValues<Reduction>())
        {
            using var separate = c.Run<double>(reduction);
            using var fused = c.Run<double>(reduction, fusedGradient: true);
            Assert.Equal(separate.Y.Doubles(), fused.Y.Doubles());
            double[] dy = Arrays.Normal(RandomStream.FromSeed((ulong)seed).At("dy"), separate.Y.Rows);
            var (expected, found) = (separate.Backward(dy), fused.Backward(dy));
            Assert.Equal(expected[1].Doubles(), found[1].Doubles());
            Assert.True(Arrays.Distance(expected[0].Doubles(), found[0].Doubles()) <= ReorderTolerance);
            Assert.Equal(found[0].Doubles(), fused.Backward(dy, wants: i => i == 0)[0].Doubles());
        }
    }

    /// <summary>With p = 1 - 2e-9 nothing of p - 1 is left in a float; the target's term is kept apart.</summary>
    [Fact]
    public void A_nearly_sure_prediction_keeps_the_digits_of_its_loss_and_its_gradient()
    {
        const float Eps = 1f / (1 << 23);
        var c = new Case(1, 1, 2, 1) { Hidden = [1], Weight = [20, 0], Targets = [0] };
        using var run = c.Run<float>(fusedGradient: true);
        double other = Math.Exp(-20);                   // loss = log(1 + other), dhidden = -20 other / (1 + other)
        Assert.Equal(other, run.Y.Span[0], 4 * Eps * other);
        Assert.Equal(-20 * other, run.Backward([1])[0].Span[0], 8 * Eps * 20 * other);
    }

    /// <summary>2,400 rows are three chunks, or nearly so; 3,200 vocabulary entries three blocks.</summary>
    [Theory]
    [InlineData(3600, 19, false), InlineData(90, 3200, false), InlineData(3600, 19, true), InlineData(90, 3200, true)]
    public void Chunks_blocks_threads_and_a_frozen_head_do_not_change_a_bit(
        int rows, int vocabulary, bool fusedGradient)
    {
        var c = new Case(rows, 7, vocabulary, 4);
        Assert.True(rows < 3600 || c.Counted > 2048);
        using var one = c.Run<float>(fusedGradient: fusedGradient);
        Assert.Equal(c.Textbook().Sum() / c.Counted, one.Y.Doubles()[0], 1e-5);
        double[][] expected = [.. one.Backward([1]).Select(Arrays.Doubles)];
        for (int threads = 2; threads <= 4; threads++)
        {
            using var run = c.Run<float>(threads: threads, fusedGradient: fusedGradient);
            Assert.Equal(one.Y.Doubles(), run.Y.Doubles());
            Assert.Equal(expected, run.Backward([1]).Select(Arrays.Doubles));
            Assert.Equal(expected[0], run.Backward([1], wants: i => i == 0)[0].Doubles());
        }
    }

    [Fact]
    public void Sure_predictions_cost_little_and_do_not_overflow()
    {
        var c = new Case(1, 1, 2, 1) { Hidden = [1], Weight = [3000, -3000], Targets = [0] };
        using var right = c.Run<float>(Reduction.None);
        using var wrong = (c with { Targets = [1] }).Run<float>(Reduction.None);
        Assert.Equal((0, 6000), (right.Y.Span[0], wrong.Y.Span[0]));
        Assert.Equal([6000.0], wrong.Backward([1])[0].Doubles());
        using var fused = (c with { Targets = [1] }).Run<float>(fusedGradient: true);
        Assert.Equal([6000.0], fused.Backward([1])[0].Doubles());
    }

    [Theory]
    [InlineData(5), InlineData(-1), InlineData(-99), InlineData(int.MaxValue)]
    public void Targets_outside_the_vocabulary_are_refused(int target)
    {
        var op = new CrossEntropy<float>();
        Shape[] x = [new(2, 3), new(5, 3)];
        op.Check(x, [4, -100]);
        string message = Assert.Throws<ShapeException>(() => op.Check(x, [0, target])).Message;
        Assert.All([$"target {target} at row 1", "V = 5"], part => Assert.Contains(part, message));
        Assert.Throws<ShapeException>(() => op.Check(x, [0]));
    }

    private sealed record Case(int Columns, int Vocabulary)
    {
        public Case(int rows, int columns, int vocabulary, int seed) : this(columns, vocabulary)
        {
            var random = RandomStream.FromSeed((ulong)seed);
            Hidden = Arrays.Normal(random.At("hidden"), rows * columns);
            Weight = Arrays.Normal(random.At("weight"), vocabulary * columns);
            Targets = [.. Enumerable.Range(0, rows).Select(Target)];
            int Target(int row) => random.Below(4, row) == 0 ? -100 : random.At("target").Below(vocabulary, row);
        }

        public double[] Hidden { get; init; } = [];

        public double[] Weight { get; init; } = [];

        public int[] Targets { get; init; } = [];

        public int Rows => Targets.Length;

        public int Counted => Targets.Count(target => target >= 0);

        public OpCall<T> Run<T>(Reduction reduction = Reduction.Mean, int threads = 1, bool fusedGradient = false)
            where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
            new(new CrossEntropy<T>(reduction, fusedGradient),
                [(new(Rows, Columns), Hidden), (new(Vocabulary, Columns), Weight)],
                Targets, threads);

        /// <summary>Minus the logarithm of the target's softmax, row by row.</summary>
        public double[] Textbook() => [.. Targets.Select((target, row) =>
        {
            double[] logits = [.. Enumerable.Range(0, Vocabulary).Select(
                v => Enumerable.Range(0, Columns).Sum(k => Hidden[(row * Columns) + k] * Weight[(v * Columns) + k]))];
            double max = logits.Max();
            return target < 0 ? 0 : max + Math.Log(logits.Sum(z => Math.Exp(z - max))) - logits[target];
        })];
    }
}
