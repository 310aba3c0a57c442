using VaccineRef.Core;
using VaccineRef.Laws;

namespace VaccineRef.Kernels.Tests;

[Properties(Arbitrary = [typeof(SizesArbitrary)], MaxTest = 40)]
public sealed class RoutineTests : IDisposable
{
    private const double Tolerance = 1e-13;

    private readonly CpuDevice _device = new(1), _team = new(4);
    private readonly Lazy<Device> _gpu = new(() => Gpu.Devices.Open("ilgpu-cpu"));

    public void Dispose()
    {
        _device.Dispose();
        _team.Dispose();
        if (_gpu.IsValueCreated)
            _gpu.Value.Dispose();
    }

    [Property]
    public void Sums_of_squares_are_taken_in_double(Sizes s)
    {
        foreach (Device device in (Device[])[_device, _team, _gpu.Value])
        {
            using Guarded<float> x = Draw<float>(s, "x", device), y = Draw<float>(s, "y", device);
            double square = device.Run(new SquaredNorm<float>(), x.View, y.View);
            Assert.Equal(x.Values.Dot(x.Values) + y.Values.Dot(y.Values), square, Tolerance * (1 + square));
        }
    }

    [Fact]
    public void Sums_have_the_same_bits_for_one_thread_and_many()
    {
        using var x = Draw<float>(new(100, 3333, 1, 1, 5), "x");
        Assert.Equal(_device.Run(new SquaredNorm<float>(), x.View), _team.Run(new SquaredNorm<float>(), x.View));
    }

    [Property]
    public void Updates_are_what_they_say(Sizes s)
    {
        foreach (Device device in (Device[])[_device, _team, _gpu.Value])
        {
            using Guarded<double> x = Draw<double>(s, "x", device), y = Draw<double>(s, "y", device);
            double[] before = x.Values, sum = y.Values;
            device.Run(new AddSquares<double>(0.5), x.View, y.View);
            Assert.Equal(sum.Zip(before, (a, b) => a + (0.5 * (b * b))), y.Values);
            sum = y.Values;
            device.Run(new ScaleInPlace<double>(0.5), x.View, y.View);
            Assert.Equal(before.Select(value => 0.5 * value), x.Values);
            Assert.Equal(sum.Select(value => 0.5 * value), y.Values);
            device.Fill(x.View, 7);
            Assert.All(x.Values, value => Assert.Equal(7, value));
            Assert.True(x.IsIntact && y.IsIntact);
        }
    }

    [Property]
    public void Steps_metrics_and_products_are_what_they_say_on_either_device(Sizes s)
    {
        foreach (Device device in (Device[])[_device, _team, _gpu.Value])
        {
            using Guarded<double> x = Draw<double>(s, "x", device), y = Draw<double>(s, "y", device);
            double[] from = x.Values, to = y.Values;
            double size = from.Zip(to, (a, b) => Math.Abs(a * b)).Sum();
            Assert.Equal(
                from.Zip(to, (a, b) => a * b).Sum(), device.Run(new Dot<double>(), x.View, y.View),
                Tolerance * (1 + size));
            device.Run(new AddScaled<double>(-0.3), x.View, y.View);
            Assert.All(
                y.Values.Zip(from.Zip(to, (a, b) => b - (0.3 * a))),
                pair => Assert.Equal(pair.Second, pair.First, Tolerance * (1 + size)));
            double[] by = y.Values;
            device.Run(new MultiplyByMagnitude<double>(0.01), x.View, y.View);
            Assert.All(
                x.Values.Zip(from.Zip(by, (a, b) => a * (Math.Abs(b) + 0.01))),
                pair => Assert.Equal(pair.Second, pair.First, Tolerance * (1 + Math.Abs(pair.Second))));
            Assert.True(x.IsIntact && y.IsIntact);
        }
    }

    [Property]
    public void Rows_beyond_a_radius_are_shortened_to_it_and_others_keep_their_bits(Sizes s)
    {
        const double Radius = 0.7;
        foreach (Device device in (Device[])[_device, _team, _gpu.Value])
        {
            using var x = Draw<double>(s, "x", device);
            var before = x.Values.Chunk(s.C).ToArray();
            device.Run(new ClipRows<double>(Radius), x.View);
            foreach (var (row, old) in x.Values.Chunk(s.C).Zip(before))
                if (old.Norm() <= Radius)
                    Assert.Equal(old, row);
                else
                    Assert.All(
                        row.Zip(old), pair => Assert.Equal(pair.Second * Radius / old.Norm(), pair.First, Tolerance));
            Assert.True(x.IsIntact);
        }
    }

    [Fact]
    public void Fills_draw_element_n_of_the_stream_whatever_the_team()
    {
        var random = RandomStream.FromSeed(9);
        using var normal = new Guarded<double>(_device, new(7, 1001));
        using var uniform = new Guarded<double>(_device, new(7, 1001));
        _team.Run(new FillNormal<double>(random, 0.02), normal.View);
        _team.Run(new FillUniform<double>(random, -1, 3), uniform.View);
        var index = Enumerable.Range(0, 7007);
        Assert.Equal(index.Select(i => 0.02 * random.Normal(i)), normal.Values);
        Assert.Equal(index.Select(i => -1 + (4 * random.Uniform(i))), uniform.Values);
        Assert.InRange(uniform.Values.Min(), -1, -0.9);
        Assert.InRange(uniform.Values.Max(), 2.9, 3);
        Assert.True(normal.IsIntact && uniform.IsIntact);
        using Guarded<double> onGpu = new(_gpu.Value, new(7, 1001)), between = new(_gpu.Value, new(7, 1001));
        _gpu.Value.Run(new FillNormal<double>(random, 0.02), onGpu.View);
        _gpu.Value.Run(new FillUniform<double>(random, -1, 3), between.View);
        Assert.All(normal.Values.Zip(onGpu.Values), pair => Assert.Equal(pair.First, pair.Second, Tolerance));
        Assert.Equal(uniform.Values, between.Values);
        Assert.True(onGpu.IsIntact && between.IsIntact);
    }

    [Property]
    public void The_first_element_that_is_not_finite_is_found(Sizes s, ushort position, byte kind)
    {
        foreach (Device device in (Device[])[_team, _gpu.Value])
        {
            using var x = Draw<float>(s.Enlarged(), "x", device);
            Assert.Equal(-1, device.Run(new FirstNonFinite<float>(), x.View));
            float[] bad = [float.NaN, float.PositiveInfinity, float.NegativeInfinity],
                values = Array.ConvertAll(x.Values, value => (float)value);
            int first = position % values.Length;
            values[^1] = float.NaN;
            values[first] = bad[kind % 3];
            device.Upload<float>(values, x.View);
            Assert.Equal(first, device.Run(new FirstNonFinite<float>(), x.View));
        }
    }

    [Property]
    public void AdamW_is_that_of_PyTorch(Sizes s)
    {
        const double Rate = 0.01, Beta1 = 0.9, Beta2 = 0.999, Epsilon = 1e-8, Decay = 0.1, Scale = 0.25;
        using var p = Draw<double>(s, "p");
        using var m = new Guarded<double>(_device, p.View.Shape);
        using var v = new Guarded<double>(_device, p.View.Shape);
        double[] weight = p.Values, mean = m.Values, square = v.Values;
        for (int t = 1; t <= 3; t++)
        {
            using var g = Draw<double>(s, $"g{t}");
            double[] gradients = g.Values;
            var step = new AdamWStep<double>(Rate, Beta1, Beta2, Epsilon, Decay, t, Scale);
            _device.Run(step, p.View, g.View, m.View, v.View);
            Assert.Equal(gradients, g.Values);
            for (int i = 0; i < weight.Length; i++)
            {
                double gradient = Scale * gradients[i];
                mean[i] = (Beta1 * mean[i]) + ((1 - Beta1) * gradient);
                square[i] = (Beta2 * square[i]) + ((1 - Beta2) * gradient * gradient);
                double m1 = mean[i] / (1 - Math.Pow(Beta1, t)), v1 = square[i] / (1 - Math.Pow(Beta2, t));
                weight[i] = weight[i] - (Rate * Decay * weight[i]) - (Rate * m1 / (Math.Sqrt(v1) + Epsilon));
            }
        }

        Assert.All(weight.Zip(p.Values), pair => Assert.Equal(pair.First, pair.Second, Tolerance * 10));
        Assert.True(p.IsIntact && m.IsIntact && v.IsIntact);
    }

    [Property]
    public void A_merged_adapter_is_its_two_linear_layers(Sizes s)
    {
        double[] B = Numbers(s, "B", s.H * s.V), A = Numbers(s, "A", s.V * s.C);
        foreach (var layout in Enum.GetValues<WeightLayout>())
        {
            bool outIn = layout == WeightLayout.OutIn;
            using var w = new Guarded<double>(_device, outIn ? new(s.H, s.C) : new(s.C, s.H));
            using var b = new Guarded<double>(_device, new(s.H, s.V), B);
            using var a = new Guarded<double>(_device, new(s.V, s.C), A);
            w.View.Span.Fill(1);
            _device.Run(new AddProduct<double>(0.5, layout), w.View, b.View, a.View);
            for (int o = 0; o < s.H; o++)
                for (int i = 0; i < s.C; i++)
                {
                    double product = Enumerable.Range(0, s.V).Sum(r => B[(o * s.V) + r] * A[(r * s.C) + i]);
                    double found = outIn ? w.View.Row(o)[i] : w.View.Row(i)[o];
                    Assert.Equal(1 + (0.5 * product), found, Tolerance * 100);
                }

            _device.Run(new AddProduct<double>(-0.5, layout), w.View, b.View, a.View);
            Assert.All(w.Values, value => Assert.Equal(1, value, Tolerance * 100));
        }
    }

    private static double[] Numbers(Sizes s, string name, int count) => OpCase.Numbers(count, s.Random().At(name));

    private Guarded<T> Draw<T>(Sizes s, string name, Device? device = null)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        new(device ?? _device, new(s.N, s.C), Numbers(s, name, s.N * s.C));
}
