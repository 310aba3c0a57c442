using System.Text.Json.Serialization;

namespace VaccineRef.Experiments.Lab;

/// <summary>What all cells of a lab share.</summary>
public sealed record LabSettings
{
    /// <summary>The synthetic world; null where a recipe takes its place.</summary>
    public SyntheticLab? Synthetic { get; init; } = new();

    /// <summary>A recipe's model and data in the place of the synthetic world.</summary>
    public RecipeLab? Recipe { get; init; }

    /// <summary>Which alignments are compared.</summary>
    public Convergence Convergence { get; init; } = new();

    /// <summary>Points of the curve over the attack's steps, step 0 not counted.</summary>
    public int CurvePoints { get; init; } = 8;

    /// <summary>Steps of an alignment at which the perturbation is measured token by token.</summary>
    public int PerturbationPoints { get; init; } = 8;

    /// <summary>The p of the attacks whose hidden embeddings are projected.</summary>
    public decimal ProjectedRatio { get; init; } = 0.1m;

    /// <summary>Prompts of each kind in a projection.</summary>
    public int ProjectedPrompts { get; init; } = 60;

    /// <summary>The device and the precision of its products, on which the last bits depend.</summary>
    public string Arithmetic { get; init; } = "cpu, float32";

    /// <summary>A fraction of the steps and of the questions: a look at the machinery, no evidence.</summary>
    public static LabSettings Quick { get; } = new() { Synthetic = SyntheticLab.Quick };

    [JsonIgnore]
    internal ILabSubject Subject => (ILabSubject?)Recipe ?? Synthetic!;
}
