using System.Diagnostics;
using System.Numerics;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>How long the steps of a rule take.</summary>
/// <param name="MedianMs">The median over the steps, in milliseconds.</param>
/// <param name="MinMs">The shortest step, in milliseconds.</param>
/// <param name="TokensPerSecond">Real tokens in a second, at the median.</param>
public sealed record StepTiming(double MedianMs, double MinMs, double TokensPerSecond)
{
    private const int Warmup = 2;

    /// <summary>
    /// Times steps of several rules in turn, so that whatever else the machine does meets all of them alike. The first
    /// steps of each are not counted.
    /// </summary>
    /// <param name="step">What takes the steps; its rule is exchanged.</param>
    /// <param name="rules">The rules.</param>
    /// <param name="batch">The batch of every step.</param>
    /// <param name="steps">Steps of each rule that are counted.</param>
    /// <param name="cancel">Stops after the step under way.</param>
    /// <returns>The timing of each rule, in order.</returns>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static IReadOnlyList<StepTiming> InTurn<T>(
        TrainStep<T> step, IReadOnlyList<IGradientRule<T>> rules, PackedBatch batch, int steps,
        CancellationToken cancel)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var times = rules.Select(_ => new List<double>()).ToArray();
        for (int i = 0; i < Warmup + steps; i++)
            foreach (var (rule, own) in rules.Zip(times))
            {
                cancel.ThrowIfCancellationRequested();
                long start = Stopwatch.GetTimestamp();
                step.Rule = rule;
                step.Run(batch);
                step.State.Tape.Device.Synchronize();
                if (i >= Warmup)
                    own.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }

        return [.. times.Select(own => Of(own, batch.Rows))];
    }

    private static StepTiming Of(List<double> times, int tokens)
    {
        double[] sorted = [.. times.Order()];
        double median = (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
        return new(median, sorted[0], tokens / median * 1000);
    }
}
