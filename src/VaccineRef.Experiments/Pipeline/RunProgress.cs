using VaccineRef.Experiments.Evaluation;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>How far a run is.</summary>
/// <param name="Done">Stages finished, those that were kept from before included.</param>
/// <param name="Kept">Stages that were kept from before.</param>
/// <param name="Stages">Stages in all.</param>
/// <param name="Work">The share of the work that this run found undone and has done since, from 0 to 1.</param>
/// <param name="Running">The stages under way.</param>
/// <param name="Finished">The stage that has just been finished, with what was found; null if none has.</param>
/// <param name="Results">
/// What was found in every finished stage, under its hash; to be read only while the progress is told.
/// </param>
/// <param name="Notice">What the user should know at once, as a sentence; null for nothing.</param>
public readonly record struct RunProgress(
    int Done, int Kept, int Stages, double Work, IReadOnlyList<RunningStage> Running,
    (StageNode Stage, StageResult Result)? Finished,
    IReadOnlyDictionary<string, StageResult> Results, string? Notice = null);

/// <summary>A stage under way.</summary>
/// <param name="Stage">The stage.</param>
/// <param name="Last">Its last optimizer step; null before the first.</param>
/// <param name="Steps">How many steps it has; 0 while that is not known.</param>
/// <param name="Answered">How many questions are answered, while the model is measured.</param>
/// <param name="Questions">How many questions there are; 0 while nothing is measured.</param>
public sealed record RunningStage(
    StageNode Stage, StepRecord? Last = null, int Steps = 0, int Answered = 0, int Questions = 0)
{
    /// <summary>
    /// All steps up to the last, those before a stop included; the list grows on, so that no more may be read.
    /// </summary>
    public IReadOnlyList<StepRecord> Records { get; init; } = [];

    /// <summary>What has been measured over the attack's steps so far.</summary>
    public IReadOnlyList<CurvePoint> Curve { get; init; } = [];

    /// <summary>
    /// Which share of the stage is done, from 0 to 1, if measuring once is <paramref name="measuring"/> of it.
    /// </summary>
    internal double Share(double measuring) => (Steps == 0 ? 0 : (1 - measuring) * Last!.Step / Steps)
        + (Last?.Step == Steps && Questions > 0 ? measuring * Answered / Questions : 0);
}

/// <summary>A stage that could not be computed.</summary>
/// <param name="Stage">The stage.</param>
/// <param name="Error">Why.</param>
/// <param name="SoFar">What was measured before it failed; null if nothing was.</param>
public sealed record FailedStage(StageNode Stage, Exception Error, StageResult? SoFar = null);

/// <summary>What a run found.</summary>
/// <param name="Results">Every finished stage under its hash.</param>
/// <param name="Failures">Stages that could not be computed; those that begin with them are missing too.</param>
/// <param name="Interrupted">Whether it was stopped.</param>
public sealed record RunOutcome(
    IReadOnlyDictionary<string, StageResult> Results, IReadOnlyList<FailedStage> Failures, bool Interrupted)
{
    /// <summary>
    /// Stages that were asked for and not computed, because the one that they begin with is not kept yet.
    /// </summary>
    public IReadOnlyList<StageNode> Missing { get; init; } = [];
}
