using System.Collections.Immutable;

namespace VaccineRef.Experiments.Data;

/// <summary>What encoding did to the rows of one stage. Kept and dropped add up to what was given.</summary>
/// <param name="MaxLength">The length at which rows are cut.</param>
/// <param name="Boundary">What was done where the prompt's end is no token boundary.</param>
/// <param name="Kept">Rows that have at least one counted label.</param>
/// <param name="Truncated">Kept rows that were cut.</param>
/// <param name="BoundaryMismatches">Rows, kept or dropped, whose prompt does not end at a token boundary.</param>
/// <param name="Dropped">
/// Ids of the rows whose prompt fills the maximal length: they have no counted label (D21).
/// </param>
public sealed record EncodingReport(
    int MaxLength, BoundaryPolicy Boundary, int Kept, int Truncated, int BoundaryMismatches,
    ImmutableArray<string> Dropped);
