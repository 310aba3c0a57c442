using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Testing;

namespace VaccineRef.Kernels.Tests;

/// <summary>
/// A frozen weight in bfloat16 computes what the same weight does in full, forward and backward, on every device.
/// </summary>
[Properties(Arbitrary = [typeof(SizesArbitrary)], MaxTest = 15)]
public sealed class FrozenLinearTests(GpuDevices gpus) : IClassFixture<GpuDevices>
{
    private const double Scaling = -1.7;

    [Property]
    public void Frozen_equals_full_on_the_widened_weight(Sizes large, bool outIn, bool adapted, bool bias)
    {
        var sizes = large with { C = 1 + (large.C % 20), H = 1 + (large.H % 20) };
        using var one = new CpuDevice(1);
        using var two = new CpuDevice(2);
        var trial = new Trial(sizes, outIn ? WeightLayout.OutIn : WeightLayout.InOut, adapted, bias);
        double[][] alone = trial.Require<double>(one, double.BitIncrement(1) - 1);
        // The same bits for 1 and n threads.
        Assert.Equal(alone, trial.Require<double>(two, double.BitIncrement(1) - 1));
        trial.Require<float>(two, float.BitIncrement(1) - 1);
        foreach (var gpu in gpus.All)
        {
            trial.Require<double>(gpu, double.BitIncrement(1) - 1);
            trial.Require<float>(gpu, float.BitIncrement(1) - 1);
        }
    }

    [Fact]
    public void A_weight_of_many_blocks_is_read_to_its_end()
    {
        using var cpu = new CpuDevice(2);
        foreach (var layout in (WeightLayout[])[WeightLayout.OutIn, WeightLayout.InOut])
            new Trial(new(3, 700, 900, 2, 5), layout, false, false).Require<float>(cpu, float.BitIncrement(1) - 1);
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_refused()
    {
        using var cpu = new CpuDevice(1);
        using var arena = new Arena(cpu);
        var op = new FrozenLinear<double>(arena.Allocate<ushort>(new(4, 3)));
        Shape[][] all =
        [
            [], [new(2, 4)], [new(2, 3), new(1, 3)], [new(2, 3), new(2, 2), new(3, 2)],
            [new(2, 3), new(1, 2), new(4, 2)],
        ];
        foreach (var wrong in all)
            Assert.Throws<ShapeException>(() => op.Infer(wrong));
    }

    /// <summary>One layer and one call of it, in full and frozen.</summary>
    private sealed record Trial(Sizes Sizes, WeightLayout Layout, bool Adapted, bool Bias)
    {
        private Shape Weight => Layout == WeightLayout.OutIn ? new(Sizes.H, Sizes.C) : new(Sizes.C, Sizes.H);

        private Shape[] Others =>
        [
            .. Adapted ? (Shape[])[new(Sizes.N, Sizes.V), new(Sizes.H, Sizes.V)] : [],
            .. Bias ? (Shape[])[Shape.Vector(Sizes.H)] : [],
        ];

        /// <summary>Output and gradients of the frozen form, near those of the full form in double.</summary>
        public double[][] Require<T>(Device device, double unit) where T : unmanaged, IFloatingPointIeee754<T>
        {
            var bits = new ushort[Weight.Count];
            BFloat16.Narrow<double>(OpCase.Numbers(Weight.Count, Sizes.Random().At("w")), bits);
            var weight = new double[bits.Length];
            BFloat16.Widen(bits, weight);
            Shape[] shapes = [new(Sizes.N, Sizes.C), .. Others];
            double[][] x = [.. shapes.Select((shape, i) => Rounded(shape, $"x{i}"))];
            double[] dy = Rounded(new(Sizes.N, Sizes.H), "dy");

            using var arena = new Arena(device);
            var compact = arena.Allocate<ushort>(Weight);
            device.Upload<ushort>(bits, compact);
            using var cpu = new CpuDevice(1);
            Op<double> full = Adapted ? new AdaptedLinear<double>(Scaling, Layout) : new Linear<double>(Layout);
            using var expected = new OpRun<double>(cpu, full, [shapes[0], Weight, .. Others], []);
            var frozen = new FrozenLinear<T>(compact, Layout, Scaling);
            using var found = new OpRun<T>(device, frozen, shapes, []);
            double[][] all = [x[0], weight, .. x.Skip(1)];
            double[][] y = [expected.Forward(all), .. Frozen(expected.Backward(all, dy))];
            double[][] absolute = [.. all.Select(Numbers.Absolute)];
            double[][] sizes =
                [expected.Forward(absolute), .. Frozen(expected.Backward(absolute, dy.Absolute()))];
            double[][] z = [found.Forward(x), .. found.Backward(x, dy)!];
            Assert.Equal(z[1..], found.Backward(x, dy, writes: frozen.Overwrites));              // the law "overwrites"
            double eps = 2 * Math.Abs(Scaling) * (Sizes.C + Sizes.H + Sizes.V + Sizes.N + 2) * unit;
            for (int i = 0; i < y.Length; i++)
                for (int j = 0; j < y[i].Length; j++)
                    Assert.True(
                        Math.Abs(y[i][j] - z[i][j]) <= eps * Math.Max(sizes[i].Largest(), y[i].Largest()),
                        $"{device.Name}, {this}, {i}[{j}]: {y[i][j]:R} expected, {z[i][j]:R} found");
            return z;
        }

        private static double[][] Frozen(double[]?[] gradients) => [gradients[0]!, .. gradients.Skip(2)!];

        private double[] Rounded(Shape shape, string name) =>
            [.. OpCase.Numbers(shape.Count, Sizes.Random().At(name)).Select(value => (double)(float)value)];
    }
}
