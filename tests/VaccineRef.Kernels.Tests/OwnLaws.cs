using VaccineRef.Core;
using VaccineRef.Laws;

namespace VaccineRef.Kernels.Tests;

/// <summary>
/// Law 10: what holds for a single op only. The laws of attention and of cross-entropy are in test classes of their
/// own.
/// </summary>
[Properties(Arbitrary = [typeof(SizesArbitrary)], MaxTest = 40)]
public sealed class OwnLaws : IDisposable
{
    private const double Tolerance = 1e-12;         // some hundred roundings of double

    private readonly CpuDevice _device = new(1);

    public void Dispose() => _device.Dispose();

    [Property]
    public void RmsNorm_does_not_see_a_positive_factor(Sizes s)
    {
        double[] x = Draw(s, "x", s.N * s.C), w = Draw(s, "w", s.C);
        double[] scaled = [.. x.Select(value => 37.5 * value)];
        var op = new RmsNorm<double>(0);
        Shape[] shapes = [new(s.N, s.C), new(1, s.C)];
        Same(Run(op, shapes, [x, w]), Run(op, shapes, [scaled, w]));
    }

    [Property]
    public void LayerNorm_does_not_see_a_shift(Sizes s)
    {
        double[] x = Draw(s, "x", s.N * s.C), w = Draw(s, "w", s.C), b = Draw(s, "b", s.C);
        double[] shifted = [.. x.Select(value => value + 4)];
        var op = new LayerNorm<double>(0.1);
        Shape[] shapes = [new(s.N, s.C), new(1, s.C), new(1, s.C)];
        Same(Run(op, shapes, [x, w, b]), Run(op, shapes, [shifted, w, b]));
    }

    [Fact]
    public void A_norm_keeps_a_NaN_in_its_row()
    {
        double[] x = [1, 2, double.NaN, 4, 5, 6], ones = [1, 1], zeros = [0, 0];
        bool[] expected = [false, false, true, true, false, false];
        var rms = Run(new RmsNorm<double>(0.1), [new(3, 2), new(1, 2)], [x, ones]);
        var layer = Run(new LayerNorm<double>(0.1), [new(3, 2), new(1, 2), new(1, 2)], [x, ones, zeros]);
        Assert.Equal(expected, rms.Select(double.IsNaN));
        Assert.Equal(expected, layer.Select(double.IsNaN));
    }

    [Property]
    public void Rope_scores_depend_on_the_distance_alone(Sizes s, byte first, byte second, byte shift)
    {
        int headSize = 2 * s.H;
        var op = new Rope<double>(headSize, RopeFrequencies.Compute(headSize, 10000));
        double[] q = Draw(s, "q", headSize), k = Draw(s, "k", headSize);
        double near = Turned(q, first).Dot(Turned(k, second));
        double far = Turned(q, first + shift).Dot(Turned(k, second + shift));
        Assert.Equal(near, far, 1e-11 * headSize);          // an angle of 500 has an error of 6e-14
        Assert.Equal(q.Norm(), Turned(q, first).Norm(), Tolerance * headSize);
        Assert.Equal(q, Turned(q, 0));

        double[] Turned(double[] x, int position) => Run(op, [new(1, headSize)], [x], [position]);
    }

    [Fact]
    public void Rope_frequencies_are_those_of_Llama_3()
    {
        // inv_freq of meta-llama/Llama-3.1-8B by the formula of modeling_rope_utils.py at 30 digits.
        var llama = RopeFrequencies.Compute(128, 500000, new(RopeScalingKind.Llama3, 8, 1, 4, 8192));
        (int, double)[] known =
        [
            (0, 1.0), (20, 0.016560440080994446), (28, 0.003211445994752591), (29, 0.0021665707635033586),
            (30, 0.0013718935677611382), (31, 0.00085675141291963208), (34, 0.00017850781276799642),
            (35, 9.556212353964683e-5), (36, 7.7846552739324497e-5), (40, 3.4281021959525915e-5),
            (63, 3.0689259889145111e-7),
        ];
        Assert.All(known, pair => Assert.Equal(1, llama[pair.Item1] / pair.Item2, 1e-14));
        var linear = RopeFrequencies.Compute(128, 500000, new(RopeScalingKind.Linear, 8));
        var plain = RopeFrequencies.Compute(128, 500000);
        Assert.Equal(plain.Select(frequency => frequency / 8), linear);
    }

    [Fact]
    public void Rope_refuses_what_it_cannot_turn()
    {
        Assert.Throws<InputException>(() => RopeFrequencies.Compute(5, 10000));
        Assert.Throws<InputException>(() => RopeFrequencies.Compute(4, 0));
        Assert.Throws<InputException>(() => RopeFrequencies.Compute(4, 10000, new(RopeScalingKind.Linear, 0.5)));
        Assert.Throws<InputException>(() => RopeFrequencies.Compute(4, 10000, new(RopeScalingKind.Llama3, 8, 4, 4)));
        Assert.Throws<InputException>(() => new Rope<double>(6, [1, 0.1]));
        var op = new Rope<double>(4, [1, 0.1]);
        Assert.Throws<ShapeException>(() => op.Infer([new(3, 6)]));
        Assert.Throws<ShapeException>(() => op.Check([new(3, 8)], [0, 1]));
        Assert.Throws<ShapeException>(() => op.Check([new(2, 8)], [0, -1]));
        Assert.Throws<ShapeException>(() => op.Check([new(2, 8)], [0, int.MaxValue]));
    }

    [Property]
    public void Dropout_draws_the_same_mask_in_backward(Sizes s)
    {
        double[] x = [.. Enumerable.Repeat(1.0, s.N * s.C)];
        using var run = new OpRun<double>(_device, new Dropout<double>(0.3), [new(s.N, s.C)], [], s.Random());
        Assert.Equal(run.Forward(x: [x]), run.Backward([x], x)[0]);
    }

    [Fact]
    public void Dropout_keeps_the_mean()
    {
        const int Count = 100_000;
        double[] x = [.. Enumerable.Repeat(1.0, Count)];
        foreach (double p in (double[])[0, 0.1, 0.5, 0.9])
        {
            var y = Run(new Dropout<double>(p), [new(1, Count)], [x]);
            double deviation = Math.Sqrt(p / (1 - p) / Count);       // of the mean of y
            Assert.Equal(1, y.Average(), 5 * deviation);
            Assert.All(y, value => Assert.True(value == 0 || value == 1 / (1 - p)));
        }

        Assert.Throws<InputException>(() => new Dropout<double>(1));
        Assert.Throws<InputException>(() => new Dropout<double>(double.NaN));
    }

    [Fact]
    public void GaussianNoise_has_the_mean_and_deviation_it_says()
    {
        const int Count = 100_000;
        var y = Run(new GaussianNoise<double>(0.5), [new(1, Count)], [new double[Count]]);
        Assert.Equal(0, y.Average(), 5 * 0.5 / Math.Sqrt(Count));
        Assert.Equal(0.25, y.Select(value => value * value).Average(), 5 * 0.25 * Math.Sqrt(2.0 / Count));
    }

    [Property]
    public void Embedding_scatters_what_it_gathers(Sizes s)
    {
        var ids = s.Below(s.V);
        double[] table = Draw(s, "table", s.V * s.C), u = Draw(s, "u", s.N * s.C);
        using var run = new OpRun<double>(_device, new Embedding<double>(paddingId: 0), [new(s.V, s.C)], ids);
        Assert.Equal(ids.SelectMany(id => table[(id * s.C)..((id + 1) * s.C)]), run.Forward([table]));
        var gradient = run.Backward([table], u)[0]!;
        for (int id = 0; id < s.V; id++)
            for (int c = 0; c < s.C; c++)
            {
                double sum = Enumerable.Range(0, s.N).Where(n => ids[n] == id).Sum(n => u[(n * s.C) + c]);
                Assert.Equal(id == 0 ? 0 : sum, gradient[(id * s.C) + c], Tolerance);
            }
    }

    [Fact]
    public void Embedding_refuses_an_id_outside_its_table()
    {
        var op = new Embedding<double>(offset: 2);
        op.Check([new(5, 1)], [0, 2]);
        foreach (int id in (int[])[3, -3, int.MaxValue])
            Assert.Contains($"id {id} ", Assert.Throws<ShapeException>(() => op.Check([new(5, 1)], [0, id])).Message);
    }

    [Property]
    public void Linear_is_the_same_in_both_layouts(Sizes s)
    {
        double[] x = Draw(s, "x", s.N * s.C), w = Draw(s, "w", s.H * s.C);
        double[] transposed = [.. Enumerable.Range(0, w.Length).Select(i => w[(i % s.H * s.C) + (i / s.H)])];
        Same(
            Run(new Linear<double>(), [new(s.N, s.C), new(s.H, s.C)], [x, w]),
            Run(new Linear<double>(WeightLayout.InOut), [new(s.N, s.C), new(s.C, s.H)], [x, transposed]));
    }

    [Property]
    public void Both_gelus_give_x_as_the_difference_of_their_branches(Sizes s)
    {
        double[] x = Draw(s, "x", s.C), negative = [.. x.Select(value => -value)];
        foreach (var form in Enum.GetValues<GeluForm>())
        {
            var op = new Gelu<double>(form);
            double[] y = Run(op, [new(1, s.C)], [x]), z = Run(op, [new(1, s.C)], [negative]);
            Same(x, [.. y.Zip(z, (a, b) => a - b)]);
        }
    }

    [Fact]
    public void Gelu_keeps_its_digits_far_below_zero()
    {
        // x Phi(x) at x = -12, to 17 digits: -2.1317785344932148e-32.
        var y = Run(new Gelu<double>(GeluForm.Erf), [new(1, 1)], [[-12]]);
        Assert.Equal(1, y[0] / -2.1317785344932148e-32, 1e-13);
    }

    [Property]
    public void SquaredDistance_is_symmetric_and_zero_on_itself(Sizes s)
    {
        double[] x = Draw(s, "x", s.N * s.C), z = Draw(s, "z", s.N * s.C);
        Shape[] shapes = [new(s.N, s.C), new(s.N, s.C)];
        var op = new SquaredDistance<double>();
        Assert.Equal(Run(op, shapes, [x, z]), Run(op, shapes, [z, x]));
        Assert.All(Run(op, shapes, [x, x]), distance => Assert.Equal(0, distance));
    }

    [Fact]
    public void The_mean_of_nothing_is_zero() => Assert.Equal([0], Run(new Mean<double>(), [new(0, 3)], [[]]));

    private double[] Run(Op<double> op, Shape[] shapes, double[][] x, int[]? ids = null)
    {
        using var run = new OpRun<double>(_device, op, shapes, ids ?? [], RandomStream.FromSeed(1));
        return run.Forward(x);
    }

    private static double[] Draw(Sizes s, string name, int count) => OpCase.Numbers(count, s.Random().At(name));

    private static void Same(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        double allowed = Tolerance * (1 + expected.Largest());
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, allowed));
    }
}
