using VaccineRef.Alignment.Evaluation;

namespace VaccineRef.Alignment.Demo;

/// <summary>What was measured of one model: one seed, one alignment, one attack.</summary>
/// <param name="Seed">The world's seed.</param>
/// <param name="Method">"base", "sft" or "vaccine".</param>
/// <param name="HarmfulRatio">p of the attack; null before any.</param>
/// <param name="HarmfulScore">Held-out harmful questions answered with the right restricted content.</param>
/// <param name="CoherentHarm">The same, or with a well-formed recipe of wrong content: guards against HS that falls by damage.</param>
/// <param name="Refused">Held-out harmful questions refused.</param>
/// <param name="FinetuneAccuracy">Held-out questions of the user's task answered exactly.</param>
/// <param name="AlignmentLoss">Nats per token of the refusals in the alignment data.</param>
/// <param name="Drift">Of the hidden embeddings over those refusals, since the alignment; null before the attack.</param>
public sealed record DemoCell(
    ulong Seed, string Method, decimal? HarmfulRatio, Score HarmfulScore, Score CoherentHarm, Score Refused,
    Score FinetuneAccuracy, double AlignmentLoss, Drift? Drift);

/// <summary>How far a seed's work has come.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Stage">What is being done.</param>
/// <param name="Done">Optimizer steps done in all of the seed's stages.</param>
/// <param name="Total">Optimizer steps of the seed.</param>
/// <param name="Loss">Loss of the last step.</param>
public readonly record struct DemoProgress(ulong Seed, string Stage, int Done, int Total, double Loss);
