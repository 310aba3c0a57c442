using System.Diagnostics;

namespace VaccineRef.Bench;

/// <summary>
/// Steps of VaccineRef and of libtorch in turn, in one process, from the same weights on the same batch.
/// </summary>
internal static class StepComparison
{
    private const double LossTolerance = 1e-4;          // relative; float, sums in another order, a few steps apart
    private const int Warmup = 2;

    /// <summary>Prints medians and ratios.</summary>
    /// <exception cref="InvalidOperationException">The losses differ: the two do not compute the same.</exception>
    public static void Run(StepShape shape, int threads, int steps)
    {
        using var ours = new StepRun(shape, threads);
        using var theirs = new TorchStep(shape, threads, ours.Parameters);
        var times = new List<double>[] { [], [], [], [] };       // plain: ours, theirs; Vaccine: ours, theirs
        double apart = 0, first = 0, last = 0;
        for (int step = 0; step < Warmup + steps; step++)
            foreach (bool vaccine in (bool[])[false, true])
            {
                int row = vaccine ? 2 : 0;
                double loss = Timed(() => ours.Step(vaccine), times[row]),
                    same = Timed(() => theirs.Step(vaccine), times[row + 1]);
                apart = Math.Max(apart, Math.Abs(loss - same) / same);
                if (!(apart <= LossTolerance))
                    throw new InvalidOperationException($"step {step + 1}: loss {loss:R} here, {same:R} in libtorch.");
                (first, last) = (step == 0 && !vaccine ? loss : first, loss);
            }

        Console.WriteLine($"shape {shape}, {threads} threads, median of {steps} steps after {Warmup} to warm up, ms");
        Console.WriteLine("| step | VaccineRef | libtorch | ratio |");
        Console.WriteLine("| --- | --- | --- | --- |");
        double[] medians = [.. times.Select(list => Median(list[Warmup..]))];
        foreach ((string name, int row) in ((string, int)[])[("plain", 0), ("Vaccine", 2)])
            Console.WriteLine(
                $"| {name} | {medians[row]:F0} | {medians[row + 1]:F0} | {medians[row] / medians[row + 1]:F2} |");
        Console.WriteLine($"| Vaccine / plain | {medians[2] / medians[0]:F2} | {medians[3] / medians[1]:F2} | |");
        Console.WriteLine($"losses {first:F6} to {last:F6}, at most {apart:E1} apart (relative) over {2 * (Warmup + steps)} steps: the same work.");
    }

    public static double Median(IEnumerable<double> times)
    {
        double[] sorted = [.. times.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>
    /// Lets the threads of the other side fall asleep: libtorch's spin for some milliseconds after a loop (libgomp),
    /// ours for a twentieth of one, and a spinning thread takes the core from whoever is measured next.
    /// </summary>
    public static void Rest() => Thread.Sleep(20);

    private static double Timed(Func<double> step, List<double> times)
    {
        Rest();
        long start = Stopwatch.GetTimestamp();
        double loss = step();
        times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        return loss;
    }
}
