using System.Collections.Immutable;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// What encoding did to the rows of one stage. The kept and the dropped rows together are the rows that were given.
/// </summary>
/// <param name="MaxLength">The number of tokens at which rows are cut off.</param>
/// <param name="Boundary">What was done if the end of the prompt was not a token boundary.</param>
/// <param name="Kept">The number of rows that have at least one label that counts.</param>
/// <param name="Truncated">The number of kept rows that were cut off.</param>
/// <param name="BoundaryMismatches">
/// The number of rows, kept or dropped, whose prompt does not end at a token boundary.
/// </param>
/// <param name="Dropped">
/// The ids of the rows whose prompt alone fills the maximal length. They have no label that counts (docs/deviations.md,
/// D21).
/// </param>
public sealed record EncodingReport(
    int MaxLength, BoundaryPolicy Boundary, int Kept, int Truncated, int BoundaryMismatches,
    ImmutableArray<string> Dropped);
