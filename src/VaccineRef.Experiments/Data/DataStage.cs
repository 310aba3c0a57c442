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
    /// <summary>Makes the record of a stage from the texts of its examples.</summary>
    public static DataStage Of(string name, ulong seed, IReadOnlyCollection<string> texts) =>
        new(name, seed, texts.Count, Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(string.Concat(texts)))));
}
