using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>What is known of a trial's stage before it is computed.</summary>
/// <param name="Stage">The stage's name; "model" for the model as it is given.</param>
/// <param name="Rows">Sequences that are trained on, with those that are mixed in; 0 where nothing is trained.</param>
/// <param name="Cut">The rows that are cut at max_length.</param>
/// <param name="Dropped">The rows of which nothing is left to learn.</param>
/// <param name="Tokens">Tokens of all steps together.</param>
/// <param name="Steps">Optimizer steps.</param>
public sealed record StageForecast(
    string Stage, int Rows, IReadOnlyList<string> Cut, IReadOnlyList<string> Dropped, long Tokens, int Steps)
{
    /// <summary>What the stage needs; null where another trial's stage of the same kind says it.</summary>
    public StageNeeds? Needs { get; init; }
}

/// <summary>What a stage needs, from the arithmetic of its memory: nothing was computed.</summary>
/// <param name="Trained">How many numbers are trained.</param>
/// <param name="Weights">Bytes of the model that the stage begins with.</param>
/// <param name="Peak">
/// The most bytes on the device at once: weights, gradients, moments, activations, measuring.
/// </param>
/// <param name="Kept">Bytes of the model that the stage ends with, as it is written.</param>
public sealed record StageNeeds(long Trained, long Weights, long Peak, long Kept);

/// <summary>What was found in a trial's data before it runs.</summary>
/// <param name="Data">The files, and what every stage takes from them.</param>
/// <param name="Stages">
/// The stages that are computed, in order, the model as it is given first; empty where something is wrong.
/// </param>
public sealed record TrialForecast(DataManifest Data, IReadOnlyList<StageForecast> Stages);
