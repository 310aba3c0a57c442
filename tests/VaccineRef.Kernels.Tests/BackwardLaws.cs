using VaccineRef.Core;
using VaccineRef.Testing;

namespace VaccineRef.Kernels.Tests;

/// <summary>
/// What an op tells the tape about its backward is true, on every device. Law 11: backward reads only the values that
/// <see cref="Op{T}.Reads"/> and <see cref="Op{T}.ReadsOutput"/> name. A tape frees the other values during the forward
/// pass, and their memory may hold something else by then. Law 12: if <see cref="Op{T}.Overwrites"/> says so, backward
/// can write a gradient instead of adding to it. A tape does not clear that memory.
/// </summary>
[Properties(Arbitrary = [typeof(SizesArbitrary)], MaxTest = 10)]
public sealed class BackwardLaws(GpuDevices gpus) : IClassFixture<GpuDevices>, IDisposable
{
    private readonly CpuDevice _cpu = new(1);

    public void Dispose() => _cpu.Dispose();

    [Property]
    public void Law_11_backward_reads_no_more_than_it_says(Sizes sizes) => Every(_cpu, sizes, ReadsNoMore);

    [Property(MaxTest = 2)]
    public void Law_11_holds_on_every_gpu(Sizes large) => EveryGpu(large, ReadsNoMore);

    [Property]
    public void Law_12_what_backward_writes_is_what_it_adds_to_zero(Sizes sizes) => Every(_cpu, sizes, Writes);

    [Property(MaxTest = 2)]
    public void Law_12_holds_on_every_gpu(Sizes large) => EveryGpu(large, Writes);

    private void EveryGpu(Sizes large, Action<Op<double>, OpRun<double>, double[][], double[], string> law)
    {
        foreach (var gpu in gpus.All)
            Every(gpu, large with { C = 1 + (large.C % 20), H = 1 + (large.H % 20) }, law);
    }

    private static void Every(
        Device device, Sizes sizes, Action<Op<double>, OpRun<double>, double[][], double[], string> law)
    {
        foreach (var subject in OpCases.All)
        {
            var op = subject.Double(sizes);
            using var run = new OpRun<double>(device, op, subject, sizes);
            law(
                op, run, subject.Inputs(sizes), OpCase.Numbers(run.Output.Count, sizes.Random().At("u")),
                $"{subject.Name}, {sizes}, {device.Name}");
        }
    }

    private static void Writes(Op<double> op, OpRun<double> run, double[][] x, double[] u, string where)
    {
        run.Forward(x);
        double[]?[] added = run.Backward(x, u), written = run.Backward(x, u, writes: op.Overwrites);
        for (int i = 0; i < x.Length; i++)
            Assert.True(
                added[i]!.SequenceEqual(written[i]!),
                $"{where}: gradient {i} is another when it is written than when it is added to 0");
    }

    private static void ReadsNoMore(Op<double> op, OpRun<double> run, double[][] x, double[] u, string where)
    {
        for (int gradient = 0; gradient < x.Length; gradient++)
        {
            run.Forward(x);
            double[]? expected = run.Backward(x, u, wants: i => i == gradient)[gradient];
            double[][] spoiled =
                [.. x.Select((values, i) => op.Reads(i, gradient) ? values : [.. values.Select(_ => double.NaN)])];
            run.Overwrite(spoiled, output: !op.ReadsOutput);
            Assert.True(
                expected!.SequenceEqual(run.Backward(spoiled, u, wants: i => i == gradient)[gradient]!),
                $"{where}: gradient {gradient} reads what the op says it does not read");
        }
    }
}
