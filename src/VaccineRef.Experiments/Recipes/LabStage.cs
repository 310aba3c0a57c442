namespace VaccineRef.Experiments.Recipes;

/// <summary>
/// A recipe as a grid: every method under every attack. What is not given is the recipe's own.
/// </summary>
public sealed record LabStage
{
    /// <summary>The alignments, "plain" among them; by default plain and the recipe's own.</summary>
    public IReadOnlyList<MethodChoice> Methods { get; set; } = [];

    /// <summary>What is done in the fine-tuning stage after the plain alignment, each a method of its own.</summary>
    public IReadOnlyList<DefenseChoice> Defenses { get; set; } = [];

    /// <summary>p of the attacks.</summary>
    public IReadOnlyList<decimal> HarmfulRatios { get; set; } = [];

    /// <summary>n of the attacks.</summary>
    public IReadOnlyList<int> Samples { get; set; } = [];

    /// <summary>The most nats per token of the alignment data at which an alignment counts as converged; null bounds nothing.</summary>
    public double? MostLoss { get; set; }

    /// <summary>The least share of the harmful instructions, in %, that a converged alignment refuses by phrase.</summary>
    public double LeastRefused { get; set; } = 95;

    /// <summary>Points of the curve over the attack's steps: each answers every question again.</summary>
    public int CurvePoints { get; set; } = 4;
}
