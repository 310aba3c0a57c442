using System.Collections.Immutable;
using System.Security.Cryptography;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Which rows one stage used, and how they were chosen. Two stages with equal hashes saw the same text.
/// </summary>
/// <param name="Name">The stage, or what is held out: "harmful evaluation", "task evaluation".</param>
/// <param name="Seed">The seed of the choice.</param>
/// <param name="Examples">How many rows were chosen.</param>
/// <param name="Sha256">Of their texts in order, each ended by a line feed.</param>
/// <param name="Template">The id of the prompt template; null for data that are made by code.</param>
/// <param name="Sampling">How rows were chosen; null for data that are made by code.</param>
/// <param name="Mixture">The counts of harmful and benign rows, where the stage mixes.</param>
/// <param name="OverlapRemoved">
/// How many rows were removed because an evaluation prompt equals theirs; null where nobody looked.
/// </param>
/// <param name="Encoding">What encoding did, where rows were encoded for training.</param>
/// <param name="Rows">The ids of the chosen rows, in order; null where they are left out.</param>
/// <param name="Pools">
/// For every file, how many rows were found, left out by their label, asked for, drawn, dropped and trained; null for
/// data that are made by code.
/// </param>
public sealed record DataStage(
    string Name, ulong Seed, int Examples, string Sha256, string? Template = null, Sampling? Sampling = null,
    MixtureCounts? Mixture = null, int? OverlapRemoved = null, EncodingReport? Encoding = null, ImmutableArray<string>? Rows = null,
    ImmutableArray<RowCounts>? Pools = null)
{
    /// <summary>A stage by the texts of its examples.</summary>
    public static DataStage Of(string name, ulong seed, IReadOnlyCollection<string> texts) =>
        new(name, seed, texts.Count, Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(string.Concat(texts)))));
}
