using System.Diagnostics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Bench;

/// <summary>
/// How time and memory grow with the sequence: 4096 tokens as sixteen sequences down to one, then one sequence of fewer tokens. A
/// buffer of T x T or N x V would show: what each would take is printed beside the peak.
/// </summary>
internal static class SequenceSweep
{
    private const int Steps = 3;
    private static readonly StepShape Model = StepShape.S with { Name = "sweep", Vocabulary = 32000 };
    private static readonly string[] Batches =
        ["16x256", "8x512", "4x1024", "2x2048", "1x4096", "1x2048", "1x1024", "1x512", "1x256"];

    /// <summary>Prints the table, each row from a process of its own.</summary>
    /// <param name="threads">Size of the team.</param>
    public static void Run(int threads)
    {
        Console.WriteLine($"hidden {Model.Hidden}, {Model.Layers} layers, vocab {Model.Vocabulary}, {threads} threads, median of {Steps} steps");
        Console.WriteLine(
            "| sequences x tokens | attention, ms | its GFLOP/s | plain step, ms | Vaccine, ms | us / token, plain | wave, MiB "
            + "| peak, MiB | T x T, MiB | N x V, MiB |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (string batch in Batches)
            Console.Write(ChildProcess.Output("sweep", $"{threads}", batch));
    }

    /// <summary>Measures and prints one row.</summary>
    /// <param name="threads">Size of the team.</param>
    /// <param name="batch">Such as 4x1024.</param>
    public static void Row(int threads, string batch)
    {
        int[] extents = [.. batch.Split('x').Select(int.Parse)];
        var shape = Model with { Sequences = extents[0], Length = extents[1] };
        double plain, vaccine;
        long wave;
        using (var run = new StepRun(shape, threads))
        {
            (plain, vaccine) = (Median(() => run.Step(vaccine: false)), Median(() => run.Step(vaccine: true)));
            wave = run.WaveBytes;
        }

        long peak = Process.GetCurrentProcess().PeakWorkingSet64;
        var (attention, rate) = Attention(shape, threads);
        static string MiB(double bytes) => $"{bytes / 1048576:F0}";
        Console.WriteLine(
            $"| {batch} | {attention:F1} | {rate:F0} | {plain:F0} | {vaccine:F0} | {plain * 1000 / shape.Rows:F0} | {MiB(wave)} | {MiB(peak)} "
            + $"| {MiB(4.0 * shape.Heads * shape.Rows * shape.Length)} | {MiB(4.0 * shape.Rows * shape.Vocabulary)} |");
    }

    // Forward and backward of one layer: milliseconds, GFLOP/s.
    private static (double Time, double Rate) Attention(StepShape shape, int threads)
    {
        using var device = new CpuDevice(threads);
        int headSize = shape.Hidden / shape.Heads;
        var rows = new Shape(shape.Rows, shape.Hidden);
        using var call = new OpCall(
            device, new CausalAttention<float>(shape.Heads, shape.Heads, headSize), [rows, rows, rows], shape.Batch().Offsets);
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
