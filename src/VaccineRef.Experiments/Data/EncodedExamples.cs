using System.Collections.Immutable;

namespace VaccineRef.Experiments.Data;

/// <summary>The rows of one stage as tokens, in the given order, and a report of what encoding did to them.</summary>
public sealed record EncodedExamples(ImmutableArray<TokenizedExample> Examples, EncodingReport Report);
