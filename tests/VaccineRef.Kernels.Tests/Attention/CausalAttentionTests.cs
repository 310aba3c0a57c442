using VaccineRef.Core;

namespace VaccineRef.Kernels.Tests;

[Properties(Arbitrary = [typeof(AttentionCases)], MaxTest = 60)]
public class CausalAttentionTests
{
    private const double FloatEps = 1.2e-7, DoubleEps = 2.3e-16;

    [Property]
    public void Output_is_the_textbooks_within_the_stated_bound(AttentionCase c)
    {
        var x = c.Inputs();
        using var wide = c.Run<double>(x);
        using var narrow = c.Run<float>(x);
        double[] expected = c.Textbook(x);
        Assert.True(Arrays.Distance(expected, wide.Y.Doubles()) <= 2 * DoubleEps * c.Bound(x));  // the oracle errs too
        Assert.True(Arrays.Distance(expected, narrow.Y.Doubles()) <= FloatEps * c.Bound(x));
    }

    [Property(MaxTest = 20)]
    public void Gradients_are_the_textbooks_central_differences(AttentionCase c)
    {
        int[] lengths = [.. c.Lengths.Take(2).Select(length => length % 9)];
        c = c with { Lengths = lengths, HeadSize = Math.Min(c.HeadSize, 5) };
        RequireDifferences(c, c.Inputs());
    }

    [Fact]
    public void Gradients_are_the_textbooks_across_block_edges() =>
        RequireDifferences(new([70, 34], 1, 2, 2, 37, 5), new AttentionCase([70, 34], 1, 2, 2, 37, 5).Inputs());

    /// <summary>
    /// Each gradient is a sum of at most group * T products of numbers whose errors the bound of y limits.
    /// </summary>
    [Property]
    public void Float_gradients_are_the_double_ones_within_a_bound(AttentionCase c)
    {
        using var wide = c.Run<double>();
        using var narrow = c.Run<float>();
        double largest = c.Inputs().Max(x => Arrays.Largest(x.Values));
        double slope = c.Scale * c.HeadSize * c.Group * largest * largest * Arrays.Largest(c.Dy());
        double bound = FloatEps * c.Bound(c.Inputs()) * (1 + slope) * Math.Sqrt(1 + c.Lengths.Max());
        foreach (var (expected, found) in wide.Backward(c.Dy()).Zip(narrow.Backward(c.Dy())))
            Assert.True(Arrays.Distance(expected.Doubles(), found.Doubles()) <= bound);
    }

    [Property]
    public void Packed_sequences_are_each_alone_to_the_bit(AttentionCase c)
    {
        var (x, dy, offsets) = (c.Inputs(), c.Dy(), c.Offsets);
        using var packed = c.Run<float>(x);
        var dx = packed.Backward(dy);
        for (int s = 0; s < c.Lengths.Length; s++)
        {
            double[] Part(Shape shape, double[] values) =>
                values[(offsets[s] * shape.Columns)..(offsets[s + 1] * shape.Columns)];
            var alone = c with { Lengths = [c.Lengths[s]] };
            using var run = alone.Run<float>(
                [.. x.Select(input => (new Shape(alone.Rows, input.Shape.Columns), Part(input.Shape, input.Values)))]);
            Assert.Equal(Part(c.QueryShape, packed.Y.Doubles()), run.Y.Doubles());
            var gradients = run.Backward(Part(c.QueryShape, dy));
            for (int i = 0; i < 3; i++)
                Assert.Equal(Part(dx[i].Shape, dx[i].Doubles()), gradients[i].Doubles());
        }
    }

    [Property]
    public void Output_does_not_depend_on_what_comes_after(AttentionCase c, byte cut)
    {
        c = c with { Lengths = [1 + c.Lengths[0]] };
        var (x, other) = (c.Inputs(), (c with { Seed = c.Seed + 1 }).Inputs());
        int row = cut % c.Rows;
        for (int i = 0; i < 3; i++)
            x[i].Values.AsSpan(0, (row + 1) * x[i].Shape.Columns).CopyTo(other[i].Values);
        using var before = c.Run<double>(x);
        using var after = c.Run<double>(other);
        (Shape Shape, double[] Values) First((Shape Shape, double[] Values) input) =>
            (input.Shape with { Rows = row + 1 }, input.Values[..((row + 1) * input.Shape.Columns)]);
        using var shorter = (c with { Lengths = [row + 1] }).Run<double>([.. x.Select(First)]);
        double[] expected = before.Y.Doubles()[..((row + 1) * c.QueryShape.Columns)];
        Assert.Equal(expected, after.Y.Doubles()[..expected.Length]);
        Assert.Equal(expected, shorter.Y.Doubles());
    }

    [Property]
    public void One_vector_added_to_all_keys_changes_nothing(AttentionCase c)
    {
        var x = c.Inputs();
        using var before = c.Run<double>(x);
        double[] shift = Arrays.Normal(RandomStream.FromSeed(c.Seed).At("shift"), c.KeyShape.Columns, scale: 3);
        for (int i = 0; i < x[1].Values.Length; i++)
            x[1].Values[i] += shift[i % shift.Length];
        using var after = c.Run<double>(x);
        Assert.True(Arrays.Distance(before.Y.Doubles(), after.Y.Doubles()) <= 2 * DoubleEps * c.Bound(x));
    }

    [Property]
    public void A_window_as_long_as_the_sequence_is_no_window(AttentionCase c)
    {
        using var none = (c with { Window = null }).Run<float>();
        using var wide = (c with { Window = Math.Max(1, c.Lengths.Max()) }).Run<float>();
        Assert.Equal(none.Y.Doubles(), wide.Y.Doubles());
        foreach (var (expected, found) in none.Backward(c.Dy()).Zip(wide.Backward(c.Dy())))
            Assert.Equal(expected.Doubles(), found.Doubles());
    }

    [Property]
    public void Grouped_queries_are_repeated_keys_and_values(AttentionCase c)
    {
        var x = c.Inputs();
        double[] Repeat(double[] values) =>
            [.. values.Chunk(c.HeadSize).SelectMany(head => Enumerable.Repeat(head, c.Group).SelectMany(copy => copy))];
        using var grouped = c.Run<double>(x);
        using var repeated = (c with { KeyValueHeads = c.Heads, Group = 1 }).Run<double>(
            [x[0], (c.QueryShape, Repeat(x[1].Values)), (c.QueryShape, Repeat(x[2].Values))]);
        Assert.Equal(repeated.Y.Doubles(), grouped.Y.Doubles());
        var (few, many) = (grouped.Backward(c.Dy()), repeated.Backward(c.Dy()));
        Assert.Equal(many[0].Doubles(), few[0].Doubles());
        for (int i = 1; i < 3; i++)
        {
            double[] sums = [.. many[i].Doubles().Chunk(c.HeadSize * c.Group).SelectMany(
                heads => heads.Select((value, at) => (value, at)).GroupBy(pair => pair.at % c.HeadSize)
                    .Select(column => column.Sum(pair => pair.value)))];
            Assert.True(Arrays.Distance(sums, few[i].Doubles()) <= 1e-12 * (1 + Arrays.Largest(sums)));
        }
    }

    [Property(MaxTest = 20)]
    public void Threads_do_not_change_a_bit(AttentionCase c)
    {
        using var one = c.Run<float>();
        double[][] expected = [one.Y.Doubles(), one.Saved.Doubles(), .. one.Backward(c.Dy()).Select(Arrays.Doubles)];
        for (int threads = 2; threads <= 4; threads++)
        {
            using var run = c.Run<float>(threads: threads);
            double[][] found = [run.Y.Doubles(), run.Saved.Doubles(), .. run.Backward(c.Dy()).Select(Arrays.Doubles)];
            for (int i = 0; i < expected.Length; i++)
                Assert.Equal(expected[i], found[i]);
        }
    }

    [Property]
    public void Backward_adds_and_skips_what_nobody_wants(AttentionCase c, byte wanted)
    {
        using var run = c.Run<double>();
        var all = run.Backward(c.Dy());
        var some = run.Backward(c.Dy(), i => (wanted & (1 << i)) != 0, initial: 1);
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal((wanted & (1 << i)) == 0, some[i].IsEmpty);
            if (!some[i].IsEmpty)
                Assert.True(
                    Arrays.Distance([.. all[i].Doubles().Select(g => g + 1)], some[i].Doubles())
                    <= 1e-12 * (1 + Arrays.Largest(all[i].Doubles())));
        }
    }

    /// <summary>
    /// A T x T matrix of float would be 4 MiB at T = 1024; what is asked for may not exceed what T = 64 takes but for
    /// the rows.
    /// </summary>
    [Fact]
    public void Memory_beside_the_rows_does_not_grow_with_the_length()
    {
        long few = Bytes(64), many = Bytes(1024);
        Assert.InRange(many, 0, few + (16 << 10));

        static long Bytes(int length)
        {
            var c = new AttentionCase([length], 2, 2, 16, null, 1);
            using var device = new CpuDevice(1);
            using var arena = new Arena(device);
            using var tape = new Tape<float>(device);
            Tensor<float>[] x =
                [.. c.Inputs().Select(input => tape.Constant(arena.Allocate<float>(input.Shape, clear: true)))];
            long before = GC.GetAllocatedBytesForCurrentThread();
            var y = tape.Apply(c.Op<float>(), x, c.Offsets);
            var loss = tape.Apply(new Mean<float>(), [y]);
            tape.Backward(loss, x);
            long managed = GC.GetAllocatedBytesForCurrentThread() - before;
            long rows = length * 4L * ((3 * c.QueryShape.Columns) + (2 * c.KeyShape.Columns) + c.Heads);
            return managed + tape.Activations.Peak - rows;
        }
    }

    [Fact]
    public void Large_scores_do_not_overflow()
    {
        var c = new AttentionCase([90], 1, 1, 8, null, 3);
        var x = c.Inputs();
        for (int i = 0; i < x[0].Values.Length; i++)
            x[0].Values[i] *= 1e4;
        using var run = c.Run<float>(x);
        Assert.True(run.Y.Doubles().All(double.IsFinite));
        Assert.All(run.Backward(c.Dy()), dx => Assert.True(dx.Doubles().All(double.IsFinite)));
    }

    [Theory]
    [InlineData(0, 1, 1, null), InlineData(3, 2, 1, null), InlineData(2, 1, 0, null), InlineData(2, 1, 4, 0)]
    public void Impossible_sizes_are_refused(int heads, int keyValueHeads, int headSize, int? window) =>
        Assert.Throws<InputException>(() => new CausalAttention<float>(heads, keyValueHeads, headSize, window: window));

    [Fact]
    public void Shapes_and_offsets_that_do_not_fit_are_refused()
    {
        var op = new CausalAttention<float>(2, 1, 4);
        Shape[] x = [new(5, 8), new(5, 4), new(5, 4)];
        Assert.Contains("(5, 8) x (5, 8)", Assert.Throws<ShapeException>(() => op.Infer([x[0], x[0], x[1]])).Message);
        foreach (int[] offsets in new int[][] { [], [0], [0, 4], [1, 5], [0, 4, 3, 5] })
            Assert.Throws<ShapeException>(() => op.Check(x, offsets));
        op.Check(x, [0, 0, 5]);
    }

    private static void RequireDifferences(AttentionCase c, (Shape Shape, double[] Values)[] x)
    {
        using var run = c.Run<double>(x);
        var dx = run.Backward(c.Dy());
        for (int i = 0; i < 3; i++)
        {
            double[] expected = Arrays.Differences(x[i].Values, c.Dy(), () => c.Textbook(x));
            Assert.True(Arrays.Distance(expected, dx[i].Doubles()) <= 1e-7 * (1 + Arrays.Largest(expected)));
        }
    }
}
