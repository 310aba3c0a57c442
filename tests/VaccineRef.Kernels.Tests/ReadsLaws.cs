using VaccineRef.Core;
using VaccineRef.Testing;

namespace VaccineRef.Kernels.Tests;

/// <summary>
/// Law 11: backward reads no values but those that <see cref="Op{T}.Reads"/> and <see cref="Op{T}.ReadsOutput"/> name, on any
/// device. A tape gives the others up on the way forward, and their memory holds something else by then.
/// </summary>
[Properties(Arbitrary = [typeof(SizesArbitrary)], MaxTest = 10)]
public sealed class ReadsLaws(GpuDevices gpus) : IClassFixture<GpuDevices>, IDisposable
{
    private readonly CpuDevice _cpu = new(1);

    public void Dispose() => _cpu.Dispose();

    [Property]
    public void Law_11_backward_reads_no_more_than_it_says(Sizes sizes) => Every(_cpu, sizes);

    [Property(MaxTest = 2)]
    public void Law_11_holds_on_every_gpu(Sizes large)
    {
        foreach (var gpu in gpus.All)
            Every(gpu, large with { C = 1 + (large.C % 20), H = 1 + (large.H % 20) });
    }

    private static void Every(Device device, Sizes sizes)
    {
        foreach (var subject in OpCases.All)
        {
            var op = subject.Double(sizes);
            using var run = new OpRun<double>(device, op, subject, sizes);
            var x = subject.Inputs(sizes);
            double[] u = OpCase.Numbers(run.Output.Count, sizes.Random().At("u"));
            for (int gradient = 0; gradient < x.Length; gradient++)
            {
                run.Forward(x);
                double[]? expected = run.Backward(x, u, wants: i => i == gradient)[gradient];
                double[][] spoiled = [.. x.Select((values, i) => op.Reads(i, gradient) ? values : [.. values.Select(_ => double.NaN)])];
                run.Overwrite(spoiled, output: !op.ReadsOutput);
                Assert.True(
                    expected!.SequenceEqual(run.Backward(spoiled, u, wants: i => i == gradient)[gradient]!),
                    $"{subject.Name}, {sizes}, {device.Name}: gradient {gradient} reads what the op says it does not read");
            }
        }
    }
}
