using System.Text.Json.Serialization;

namespace VaccineRef.Training;

/// <summary>How the learning rate changes after the warm-up.</summary>
[JsonConverter(typeof(SnakeCase<ScheduleKind>))]
public enum ScheduleKind
{
    /// <summary>It stays the same.</summary>
    Constant,

    /// <summary>It falls to 0 in a straight line.</summary>
    Linear,

    /// <summary>It falls to 0 along half a cosine.</summary>
    Cosine,
}

/// <summary>
/// The factor by which the learning rate is multiplied in each step. Source: Hugging Face optimization.py,
/// get_*_schedule_with_warmup. With a warm-up, the factor of the first step is 0.
/// </summary>
/// <param name="Kind">How the learning rate changes after the warm-up.</param>
/// <param name="Steps">Number of steps of the whole run.</param>
/// <param name="WarmupSteps">Number of steps in which the learning rate rises from 0 in a straight line.</param>
public readonly record struct Schedule(ScheduleKind Kind, int Steps, int WarmupSteps)
{
    /// <summary>The number of warm-up steps for a share of all steps, rounded up as in Hugging Face.</summary>
    public static int Warmup(double ratio, int steps) => (int)Math.Ceiling(ratio * steps);

    /// <summary>The factor in step number <paramref name="step"/>, counted from 1.</summary>
    public double Factor(int step)
    {
        int done = step - 1;
        if (done < WarmupSteps)
            return (double)done / Math.Max(1, WarmupSteps);
        double progress = (double)(done - WarmupSteps) / Math.Max(1, Steps - WarmupSteps);
        return Kind switch
        {
            ScheduleKind.Linear => Math.Max(0, 1 - progress),
            ScheduleKind.Cosine => Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * progress))),
            _ => 1,
        };
    }
}
