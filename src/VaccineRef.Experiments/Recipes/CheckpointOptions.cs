namespace VaccineRef.Experiments.Recipes;

/// <summary>
/// When a training stage is kept on the way, so that it can go on after a stop. It changes no number, and no stage's
/// hash. A signal that stops the run keeps the stage in any case.
/// </summary>
public sealed record CheckpointOptions
{
    /// <summary>After how many optimizer steps; 0 if their number does not matter.</summary>
    public int EverySteps { get; set; }

    /// <summary>After how many minutes, at the end of the step under way; 0 if the time does not matter.</summary>
    public double EveryMinutes { get; set; } = 10;
}
