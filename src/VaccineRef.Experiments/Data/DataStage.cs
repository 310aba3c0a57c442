using System.Collections.Immutable;

namespace VaccineRef.Experiments.Data;

/// <summary>Which rows one stage of a run used, and how they were chosen.</summary>
/// <param name="Name">"alignment", "attack", "harmful evaluation", ...</param>
/// <param name="Template">The id of the prompt template.</param>
/// <param name="Sampling">How rows were chosen.</param>
/// <param name="Seed">The seed of the choice.</param>
/// <param name="Mixture">The counts of harmful and benign rows, where the stage mixes.</param>
/// <param name="OverlapRemoved">
/// How many rows were removed because an evaluation prompt equals theirs; null: nobody looked.
/// </param>
/// <param name="Encoding">What encoding did, where rows were encoded for training.</param>
/// <param name="Rows">The ids of the chosen rows, in order.</param>
public sealed record DataStage(
    string Name, string Template, Sampling Sampling, ulong Seed, MixtureCounts? Mixture, int? OverlapRemoved,
    EncodingReport? Encoding, ImmutableArray<string> Rows);
