using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Gpu;
using VaccineRef.Testing;

namespace VaccineRef.Kernels.Tests;

/// <summary>
/// Law 7: on every device of this machine, every op gives the same as on the processor, within its stated bound.
/// ILGPU's simulator is available on every machine. Its barriers are threads of the operating system, so dimensions
/// stay small.
/// </summary>
[Properties(Arbitrary = [typeof(SizesArbitrary)], MaxTest = 4)]
public sealed class GpuLaws(GpuDevices gpus) : IClassFixture<GpuDevices>, IDisposable
{
    // As in OpLaws: backward makes several more roundings than forward.
    private const double GradientRoundings = 16;

    private readonly CpuDevice _cpu = new(1);

    public void Dispose() => _cpu.Dispose();

    [Fact]
    public void Every_op_and_routine_has_a_gpu_half()
    {
        var missing = typeof(Kernels.Add<>).Assembly.GetTypes().Where(type => !type.IsAbstract)
            .Where(type => (Derives(type, typeof(Op<>)) && !Has(type, typeof(IGpuOp<>)))
                || (Derives(type, typeof(Routine<>)) && !Has(type, typeof(IGpuRoutine<>))))
            .Select(type => type.Name[..^2]);
        Assert.Empty(missing);

        static bool Derives(Type? type, Type ancestor) => type is not null
            && ((type.IsGenericType && type.GetGenericTypeDefinition() == ancestor)
                || Derives(type.BaseType, ancestor));
        static bool Has(Type type, Type half) =>
            type.GetInterfaces().Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == half);
    }

    [Property]
    public void Law_7_a_gpu_equals_the_processor_within_the_stated_bound(Sizes large)
    {
        var sizes = large with { C = 1 + (large.C % 20), H = 1 + (large.H % 20) };
        foreach (var gpu in gpus.All)
            foreach (var subject in OpCases.All)
                try
                {
                    Compare(gpu, subject.Double(sizes), subject, sizes, double.BitIncrement(1) - 1);
                    Compare(gpu, subject.Single(sizes), subject, sizes, float.BitIncrement(1) - 1);
                }
                catch (Exception error)
                {
                    throw new InvalidOperationException($"{subject.Name}, {sizes}, {gpu.Name}: {error.Message}", error);
                }
    }

    /// <summary>
    /// Compares the device, which computes in T, with the processor in double, by the rule of law 6. If T is double
    /// too, either result may have rounding errors.
    /// </summary>
    private void Compare<T>(Device gpu, Op<T> op, OpCase subject, Sizes sizes, double unit)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var run = new OpRun<T>(gpu, op, subject, sizes);
        using var exact = new OpRun<double>(_cpu, subject.Double(sizes), subject, sizes);
        var x = subject.Inputs(sizes);
        double[][] positive = [.. x.Select(Numbers.Absolute)];
        var drawn = OpCase.Numbers(run.Output.Count, sizes.Random().At("u"));
        double[] u = [.. drawn.Select(value => (double)(float)value)];
        double eps = 2 * (subject.Eps(sizes) + 1) * unit;

        double scale = Math.Max(x[0].Largest(), exact.Forward(positive).Largest());
        var scales = exact.Backward(positive, u.Absolute());
        var y = exact.Forward(x);
        Near(y, run.Forward(x), eps * Math.Max(scale, y.Largest()), "y");
        var (dx, found) = (exact.Backward(x, u), run.Backward(x, u));
        for (int i = 0; i < x.Length; i++)
        {
            double reference = Math.Max(u.Largest(), Math.Max(scales[i]!.Largest(), dx[i]!.Largest()));
            Near(dx[i]!, found[i]!, eps * GradientRoundings * reference, $"gradient {i}");
            // This is law 5 on this device. It also shows that a second run gives the same bits.
            Assert.Equal(found[i], run.Backward(x, u, wants: j => j == i)[i]);
        }
    }

    private static void Near(double[] expected, double[] actual, double allowed, string what)
    {
        for (int i = 0; i < expected.Length; i++)
            Assert.True(
                Math.Abs(expected[i] - actual[i]) <= allowed,
                $"{what}[{i}]: {expected[i]:R} expected, {actual[i]:R} found, allowed {allowed:E1}");
    }
}
