using System.Diagnostics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Bench;

/// <summary>
/// How time and memory grow with the sequence: 4096 tokens as sixteen sequences down to one, then one sequence of fewer
/// tokens, then a larger vocabulary. A buffer of T x T or N x V would show in the activation memory (activations, what
/// backward needs, their gradients); what each would take is printed beside it.
/// </summary>
internal static class SequenceSweep
{
    private const int Steps = 3;
    private static readonly StepShape Model = StepShape.S with { Name = "sweep" };

    // Sequences x tokens x vocabulary.
    private static readonly string[] Batches =
    [
        "16x256x4096", "8x512x4096", "4x1024x4096", "2x2048x4096", "1x4096x4096",
        "1x2048x4096", "1x1024x4096", "1x512x4096", "1x256x4096", "16x256x32000",
    ];

    /// <summary>Prints the table, each row from a process of its own.</summary>
    /// <param name="threads">Size of the team.</param>
    public static void Run(int threads)
    {
        Console.WriteLine(
            $"hidden {Model.Hidden}, {Model.Layers} layers, {threads} threads, median of {Steps} plain steps");
        Console.WriteLine(
            "| sequences x tokens x vocab | attention, ms | GFLOP/s | step, ms | us / token | activations, MiB | peak, MiB | T x T, MiB | N x V, MiB |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (string batch in Batches)
            Console.Write(ChildProcess.Output("sweep", $"{threads}", batch));
    }

    /// <summary>Measures and prints one row.</summary>
    /// <param name="threads">Size of the team.</param>
    /// <param name="batch">Such as 4x1024x4096.</param>
    public static void Row(int threads, string batch)
    {
        int[] extents = [.. batch.Split('x').Select(int.Parse)];
        var shape = Model with { Sequences = extents[0], Length = extents[1], Vocabulary = extents[2] };
        double step;
        long activations;
        using (var run = new StepRun(shape, threads))
            (step, activations) = (Median(() => run.Step(vaccine: false)), run.ActivationBytes);
        long peak = Process.GetCurrentProcess().PeakWorkingSet64;
        var (attention, rate) = Attention(shape, threads);
        static string MiB(double bytes) => $"{bytes / 1048576:F0}";
        Console.WriteLine(
            $"| {batch} | {attention:F1} | {rate:F0} | {step:F0} | {step * 1000 / shape.Rows:F0} | {MiB(activations)} | {MiB(peak)} "
            + $"| {MiB(4.0 * shape.Heads * shape.Rows * shape.Length)} | {MiB(4.0 * shape.Rows * shape.Vocabulary)} |");
    }

    // Forward and backward of one layer: milliseconds, GFLOP/s.
    private static (double Time, double Rate) Attention(StepShape shape, int threads)
    {
        using var device = new CpuDevice(threads);
        int headSize = shape.Hidden / shape.Heads;
        var rows = new Shape(shape.Rows, shape.Hidden);
        using var call = new OpCall(
            device, new CausalAttention<float>(shape.Heads, shape.Heads, headSize), [rows, rows, rows],
            shape.Batch().Offsets);
        double time = Median(() =>
        {
            call.Forward();
            call.Backward();
        });
        return (time, 14.0 * headSize * shape.Heads * shape.Rows * (shape.Length + 1) / 2 / time / 1e6);
    }

    private static double Median(Action work)
    {
        work();                                                                // warms up
        double[] times = [.. Enumerable.Range(0, Steps).Select(_ =>
        {
            long start = Stopwatch.GetTimestamp();
            work();
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }).Order()];
        return times[Steps / 2];
    }
}
