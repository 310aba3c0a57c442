using System.Diagnostics;
using VaccineRef.Core;

namespace VaccineRef.Bench;

/// <summary>
/// What a step needs of memory: predicted on a device that only counts, and measured as the peak of a process of its
/// own.
/// </summary>
internal static class StepMemory
{
    private const int Steps = 2;        // from the second one on nothing more is taken
    private const double MiB = 1 << 20;
    private const double Most = 8 * 1024 * MiB;         // what needs more is predicted alone

    private static readonly StepShape[] Shapes =
    [
        StepShape.S, StepShape.S with { Rank = 8 }, StepShape.P with { Rank = 0 }, StepShape.P, StepShape.Slice,
        StepShape.Llama7B,
    ];

    /// <summary>Prints the table, each row measured in a process of its own; or one row.</summary>
    /// <param name="threads">Size of the team.</param>
    /// <param name="row">
    /// Which row: the number of the shape, the rule, whether it recomputes; nothing for the table.
    /// </param>
    public static void Run(int threads, string[] row)
    {
        if (row is [var number, var rule, var again])
        {
            Row(threads, Shapes[int.Parse(number)], rule == "Vaccine", again == "recompute");
            return;
        }

        Console.WriteLine("| shape | trained | rule | blocks | process, MiB | device, predicted | sum | measured | predicted / measured |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        for (int shape = 0; shape < Shapes.Length; shape++)
            foreach (string each in (string[])["plain", "Vaccine"])
                foreach (string kept in (string[])["kept", "recompute"])
                    Console.Write(ChildProcess.Output("memory", $"{threads}", $"{shape}", each, kept));
    }

    private static void Row(int threads, StepShape shape, bool vaccine, bool recompute)
    {
        using (var run = new StepRun(
            StepShape.Warmup with { Rank = shape.Rank, Kept = shape.Kept }, new CpuDevice(threads), recompute))
            Take(run, vaccine);
        long process = Process.GetCurrentProcess().WorkingSet64;
        var dry = new DryDevice();
        using (var run = new StepRun(shape, dry, recompute))
            Take(run, vaccine);
        double predicted = process + dry.Peak;
        string measured = "| - | - |";
        if (predicted < Most)
        {
            using (var run = new StepRun(shape, new CpuDevice(threads), recompute))
                Take(run, vaccine);
            using var now = Process.GetCurrentProcess();
            double peak = now.PeakWorkingSet64;
            measured = $"| {peak / MiB:F0} | {predicted / peak:F3} |";
        }

        Console.WriteLine(
            $"| {shape.Name} | {(shape.Rank > 0 ? $"LoRA {shape.Rank}" : "all")} | {(vaccine ? "Vaccine" : "plain")} "
            + $"| {(recompute ? "computed again" : "kept")} | {process / MiB:F0} | {dry.Peak / MiB:F0} | {predicted / MiB:F0} {measured}");
    }

    private static void Take(StepRun run, bool vaccine)
    {
        for (int i = 0; i < Steps; i++)
            run.Step(vaccine);
    }
}
