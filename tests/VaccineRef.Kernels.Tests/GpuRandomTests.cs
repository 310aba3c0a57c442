using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Testing;

namespace VaccineRef.Kernels.Tests;

/// <summary>
/// Every device draws the processor's random numbers: bits, uniform numbers and dropout masks exactly; normal numbers
/// as near as its logarithm, root and cosine allow.
/// </summary>
[Properties(Arbitrary = [typeof(SizesArbitrary)], MaxTest = 5)]
public sealed class GpuRandomTests(GpuDevices gpus) : IClassFixture<GpuDevices>, IDisposable
{
    // |z| = r |cos|, r = sqrt(-2 log u) at most sqrt(2 53 log 2) = 8.6. OpenCL allows double's log 3, sqrt half and cos
    // 4 units of 2^-52, and products round: 8.6 (3 / 2 + 1 / 2 + 4 + 1) 2^-52.
    private const double NormalTolerance = 8.6 * 7 / (1L << 52);

    private readonly CpuDevice _cpu = new(1);

    public void Dispose() => _cpu.Dispose();

    [Property]
    public void Uniform_numbers_are_the_processors(Sizes s)
    {
        // No power of two: a fused product and sum would show.
        var random = s.Random();
        Same(s, new FillUniform<double>(random, -0.3, 1.1));
        Same(s, new FillUniform<float>(random, -0.3, 1.1));
    }

    [Property]
    public void Normal_numbers_are_the_processors_to_some_units_of_double(Sizes s)
    {
        var large = s.Enlarged();
        foreach (var gpu in gpus.All)
        {
            double[] expected = Fill(_cpu, large, new FillNormal<double>(s.Random()));
            Assert.All(expected.Zip(Fill(gpu, large, new FillNormal<double>(s.Random()))), pair =>
                Assert.Equal(pair.First, pair.Second, NormalTolerance));
            double[] single = Fill(_cpu, large, new FillNormal<float>(s.Random()));
            Assert.All(single.Zip(Fill(gpu, large, new FillNormal<float>(s.Random()))), pair =>
                Assert.Equal(pair.First, pair.Second, NormalTolerance + (Math.Abs(pair.First) / (1 << 23))));
        }
    }

    [Property]
    public void Dropout_drops_what_the_processor_drops(Sizes s)
    {
        Same(s, new Dropout<double>(0.3));
        Same(s, new Dropout<float>(0.3));
    }

    private static double[] Fill<T>(Device device, Sizes s, Routine<T> routine)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var x = new Guarded<T>(device, new(s.N, s.C));
        device.Run(routine, x.View);
        Assert.True(x.IsIntact);
        return x.Values;
    }

    private void Same<T>(Sizes s, Routine<T> routine) where T : unmanaged, IFloatingPointIeee754<T>
    {
        foreach (var gpu in gpus.All)
            Assert.Equal(Fill(_cpu, s.Enlarged(), routine), Fill(gpu, s.Enlarged(), routine));
    }

    /// <summary>Forward and backward: one product for each element, which no device rounds in another way.</summary>
    private void Same<T>(Sizes s, Op<T> op) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Shape shape = new(s.N, s.C);
        double[] x = [.. OpCase.Numbers(shape.Count, s.Random().At("x")).Select(value => (double)(float)value)];
        using var expected = new OpRun<T>(_cpu, op, [shape], [], s.Random());
        double[] y = expected.Forward([x]);
        foreach (var gpu in gpus.All)
        {
            using var found = new OpRun<T>(gpu, op, [shape], [], s.Random());
            Assert.Equal(y, found.Forward([x]));
            Assert.Equal(expected.Backward([x], x)[0], found.Backward([x], x)[0]);
        }
    }
}
