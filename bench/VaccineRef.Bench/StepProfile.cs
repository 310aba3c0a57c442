using System.Diagnostics;

namespace VaccineRef.Bench;

/// <summary>Where the time and the memory of a step go.</summary>
internal static class StepProfile
{
    private const int Warmup = 2, Steps = 3;

    /// <summary>Prints milliseconds per step by op and direction, and how much activation memory was needed.</summary>
    /// <param name="shape">S, P or demo.</param>
    /// <param name="threads">Size of the team.</param>
    public static void Run(string shape, int threads)
    {
        foreach (bool vaccine in (bool[])[false, true])
        {
            ProfiledDevice? profile = null;
            using var run = new StepRun(
                StepShape.Known.Single(known => known.Name == shape), threads, device => profile = new(device));
            for (int i = 0; i < Warmup; i++)
                run.Step(vaccine);
            profile!.Restart();
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < Steps; i++)
                run.Step(vaccine);
            double total = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            Console.WriteLine($"shape {shape}, {(vaccine ? "Vaccine" : "plain")}, {threads} threads, mean of {Steps} steps; activations {run.ActivationBytes >> 20} MiB");
            Console.WriteLine("| op | direction | calls | ms | of the step |");
            Console.WriteLine("| --- | --- | --- | --- | --- |");
            foreach (var (name, direction, time, calls) in profile.Spent)
                Console.WriteLine(
                    $"| {name} | {direction} | {calls / Steps} | {time / Steps:F1} | {time / total:P1} |");
            Console.WriteLine(
                $"| all | | | {total / Steps:F1} | {profile.Spent.Sum(row => row.Time) / total:P1} in ops |");
        }
    }
}
