using System.Diagnostics;

namespace VaccineRef.Bench;

/// <summary>Peak memory (VmHWM) of a process that does one kind of step and nothing else.</summary>
internal static class MemoryComparison
{
    /// <summary>The sides, as named on the command line.</summary>
    public const string Ours = "vaccineref", Theirs = "libtorch";

    /// <summary>Prints the table, one child process for each number.</summary>
    public static void Run(StepShape shape, int threads)
    {
        Console.WriteLine($"shape {shape}, {threads} threads, peak resident memory of a process, MiB");
        Console.WriteLine("| step | VaccineRef | libtorch | ratio |");
        Console.WriteLine("| --- | --- | --- | --- |");
        foreach (bool vaccine in (bool[])[false, true])
        {
            double ours = InChild(shape, threads, Ours, vaccine), theirs = InChild(shape, threads, Theirs, vaccine);
            Console.WriteLine($"| {(vaccine ? "Vaccine" : "plain")} | {ours:F0} | {theirs:F0} | {ours / theirs:F2} |");
        }
    }

    /// <summary>
    /// Does three steps and prints this process's peak in MiB: the third takes no more than the second.
    /// </summary>
    public static void Measure(StepShape shape, int threads, string side, bool vaccine)
    {
        if (side == Ours)
            Steps(new StepRun(shape, threads), run => run.Step(vaccine));
        else
            Steps(Torch(shape, threads), run => run.Step(vaccine));
        Console.WriteLine(Process.GetCurrentProcess().PeakWorkingSet64 / 1048576);
    }

    private static void Steps<TRun>(TRun run, Func<TRun, double> step) where TRun : IDisposable
    {
        GC.Collect();                                              // host copies of the weights, which no step needs
        File.WriteAllText("/proc/self/clear_refs", "5");           // Linux: the peak is counted from here
        using (run)
            for (int i = 0; i < 3; i++)
                step(run);
    }

    // The weights come from a VaccineRef model that is gone before the first step.
    private static TorchStep Torch(StepShape shape, int threads)
    {
        using var source = new StepRun(shape, threads);
        return new TorchStep(shape, threads, source.Parameters);
    }

    private static double InChild(StepShape shape, int threads, string side, bool vaccine) => double.Parse(ChildProcess.Output(
        ["memory", "--shape", shape.Name, "--threads", $"{threads}", "--of", side,
            .. vaccine ? ["--vaccine"] : (string[])[]]));
}
