using System.Text.Json.Serialization;

namespace VaccineRef.Verification.Conform;

/// <summary>What a case asks a port to do: case.json of a kit's case folder.</summary>
/// <param name="Schema">"vaccine-case/1".</param>
/// <param name="Name">The case's name, the name of its folder.</param>
/// <param name="Method">"vaccine", "adaptive_vaccine", "sam", "random" or "plain".</param>
/// <param name="Steps">The optimizer steps in order; each names the batches that are its parts.</param>
/// <param name="Optimizer">AdamW's settings.</param>
public sealed record CaseSettings(
    string Schema, string Name, string Method, IReadOnlyList<IReadOnlyList<string>> Steps, OptimizerSettings Optimizer)
{
    /// <summary>What the schema key of a case says.</summary>
    public const string CurrentSchema = "vaccine-case/1";

    /// <summary>What the case is there to show, as one sentence.</summary>
    public string Purpose { get; init; } = "";

    /// <summary>The radius of the ball; of "random", the variance rho'.</summary>
    public double Rho { get; init; }

    /// <summary>Whether a step has a second pass where the loss is worst.</summary>
    [JsonIgnore]
    public bool HasSecondPass => Method is "vaccine" or "adaptive_vaccine" or "sam";

    /// <summary>Whether a hidden embedding moves by a share of its size.</summary>
    [JsonIgnore]
    public bool IsAdaptive => Method == "adaptive_vaccine";

    /// <summary>Whether the weights are moved, and not the hidden embeddings.</summary>
    [JsonIgnore]
    public bool MovesWeights => Method == "sam";

    /// <summary>Keeps a zero gradient from becoming NaN: eps = rho g / (G + guard).</summary>
    public double Guard { get; init; } = 1e-7;

    /// <summary>The perturbed pass runs in steps with t mod tau = 0, t from 1; the other steps are plain.</summary>
    public int Tau { get; init; } = 1;

    /// <summary>
    /// What the batches of a step are: micro-batches, each with a ball of its own, or the ranks of a data-parallel
    /// step, which share one. Either way the step's gradient is the mean over them.
    /// </summary>
    public PartKind Parts { get; init; } = PartKind.MicroBatches;

    /// <summary>
    /// For each step the layers that are moved and trained, as a method that samples layers drew them: the sites of
    /// other layers are not moved and do not count in the norm, and their parameters are held. Absent: all layers in
    /// every step.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<int>>? Layers { get; init; }

    /// <summary>
    /// The weight of KL(model at the start || model) over the vocabulary, mean over counted tokens; 0 for none.
    /// </summary>
    public double KlLambda { get; init; }

    /// <summary>Whether the case folder holds the expected trace too.</summary>
    public bool Open { get; init; }
}

/// <summary>AdamW's settings, as torch.optim.AdamW names them; clipping is min(1, max / (norm + 1e-6)).</summary>
/// <param name="LearningRate">The rate of every step.</param>
/// <param name="WeightDecay">Of matrices; vectors never decay.</param>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Epsilon">Added to the root of the second moment.</param>
/// <param name="MaxGradientNorm">Where the norm of the whole gradient is clipped.</param>
public sealed record OptimizerSettings(
    double LearningRate, double WeightDecay, double Beta1, double Beta2, double Epsilon, double MaxGradientNorm);

/// <summary>What the batches of one step are.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PartKind>))]
public enum PartKind
{
    /// <summary>Micro-batches, accumulated.</summary>
    [JsonStringEnumMemberName("micro_batches")]
    MicroBatches,

    /// <summary>Ranks of a data-parallel step.</summary>
    [JsonStringEnumMemberName("ranks")]
    Ranks,
}
