using System.Collections.Immutable;
using System.Security.Cryptography;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// A record of the rows that one stage used, and of how they were chosen. Two stages with equal hashes used the same
/// text.
/// </summary>
/// <param name="Name">
/// The name of the stage, or of the held-out data: "harmful evaluation" or "task evaluation".
/// </param>
/// <param name="Seed">The seed with which rows were chosen.</param>
/// <param name="Examples">The number of rows that were chosen.</param>
/// <param name="Sha256">The SHA-256 hash of their texts, in order, each followed by a line feed.</param>
/// <param name="Template">The id of the prompt template. Null for data that are made by code.</param>
/// <param name="Sampling">How rows were chosen. Null for data that are made by code.</param>
/// <param name="Mixture">The numbers of harmful and benign rows, if the stage mixes them.</param>
/// <param name="OverlapRemoved">
/// How many rows were removed because an evaluation row has the same prompt. Null if this was not checked.
/// </param>
/// <param name="Encoding">What encoding did, where rows were encoded for training.</param>
/// <param name="Rows">The ids of the chosen rows, in order; null where they are left out.</param>
/// <param name="Pools">
/// For every file, how many rows were found, left out by their label, asked for, drawn, dropped and trained; null for
/// data that are made by code.
/// </param>
/// <param name="OverlapKept">
/// How many rows have the prompt of an evaluation row and are trained on all the same: only a mixture leaves them out.
/// Null if this was not checked.
/// </param>
public sealed record DataStage(
    string Name, ulong Seed, int Examples, string Sha256, string? Template = null, Sampling? Sampling = null,
    MixtureCounts? Mixture = null, int? OverlapRemoved = null, EncodingReport? Encoding = null,
    ImmutableArray<string>? Rows = null,
    ImmutableArray<RowCounts>? Pools = null, int? OverlapKept = null)
{
    /// <summary>Makes the record of a stage from the texts of its examples.</summary>
    public static DataStage Of(string name, ulong seed, IReadOnlyCollection<string> texts) =>
        new(name, seed, texts.Count, Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(string.Concat(texts)))));
}
