namespace VaccineRef.Training;

/// <summary>The course of the learning rate.</summary>
public enum ScheduleKind
{
    /// <summary>The same throughout, after the warm-up.</summary>
    Constant,

    /// <summary>Down to 0 in a straight line.</summary>
    Linear,

    /// <summary>Down to 0 along half a cosine.</summary>
    Cosine,
}

/// <summary>
/// The factor on the learning rate in each step. Source: Hugging Face optimization.py, get_*_schedule_with_warmup; with a warm-up
/// the first step has factor 0.
/// </summary>
/// <param name="Kind">The course after the warm-up.</param>
/// <param name="Steps">Steps of the whole run.</param>
/// <param name="WarmupSteps">Steps over which the rate rises from 0 in a straight line.</param>
public readonly record struct Schedule(ScheduleKind Kind, int Steps, int WarmupSteps)
{
    /// <summary>Warm-up steps of a ratio, rounded up as Hugging Face does.</summary>
    public static int Warmup(double ratio, int steps) => (int)Math.Ceiling(ratio * steps);

    /// <summary>The factor in <paramref name="step"/>, from 1.</summary>
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
