using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.World;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Recipes;

/// <summary>The precision a run computes in.</summary>
[JsonConverter(typeof(SnakeCase<Precision>))]
public enum Precision
{
    /// <summary>32 bits, for training.</summary>
    Float,

    /// <summary>64 bits, for proofs.</summary>
    Double,
}

/// <summary>
/// A whole experiment as data: a model, the stages it goes through in order, and what is measured after each. A recipe
/// with a grid stands for many experiments, one for every combination of the grid's alternatives. Paths are relative to
/// the recipe's own folder.
/// </summary>
/// <remarks>
/// Optional settings of these records have setters because the source generator of System.Text.Json gives an absent
/// init-only property the default of its type instead of its initializer: a missing top_p would be 0.
/// </remarks>
public sealed record Recipe
{
    /// <summary>Names the output folder and the rows of a comparison.</summary>
    public required string Name { get; init; }

    /// <summary>What the experiment shows, as the heading of its report.</summary>
    public string? Title { get; set; }

    /// <summary>The model that the first stage begins with.</summary>
    public required ModelOptions Model { get; init; }

    /// <summary>The precision to compute in.</summary>
    public Precision Precision { get; set; }

    /// <summary>Decides every draw: data order, adapters, dropout, noise, and the synthetic world.</summary>
    public ulong Seed { get; set; } = 42;

    /// <summary>The id of the prompt template. A stage and an evaluation may have their own.</summary>
    public string Template { get; set; } = PromptTemplate.AlpacaVaccine.Id;

    /// <summary>
    /// A system text for rows that have none, where the template is a chat template; none if it is absent.
    /// </summary>
    public string? System { get; set; }

    /// <summary>The number of tokens at which a training row is cut.</summary>
    public int MaxLength { get; set; } = 200;

    /// <summary>What happens where the end of a prompt is not a token boundary.</summary>
    public BoundaryPolicy Boundary { get; set; }

    /// <summary>The sizes of the synthetic world, where a stage or the evaluation uses it.</summary>
    public WorldOptions? World { get; set; }

    /// <summary>What is done to the model, in order.</summary>
    public required IReadOnlyList<StageOptions> Stages { get; init; }

    /// <summary>What is measured of the model as it is given and after every stage; nothing if it is absent.</summary>
    public EvaluationOptions? Evaluation { get; set; }

    /// <summary>
    /// Alternatives. A key is either the path of a value, as in "align.rule.rho", with the list of its alternatives; or
    /// a name, with an object of named alternatives, each an object of paths and values; or "seed", with seeds as in
    /// "10-17".
    /// </summary>
    public JsonObject? Grid { get; set; }

    /// <summary>When training stages are kept on the way. It bears on no number.</summary>
    public CheckpointOptions Checkpoint { get; set; } = new();

    /// <summary>Which models a grid keeps. It bears on no number.</summary>
    public KeepOptions Keep { get; set; } = new();

    /// <summary>What the report compares and shows.</summary>
    public ReportOptions Report { get; set; } = new();

    /// <summary>
    /// The files that the recipe names, with their hashes, as a run writes them into its own recipe. A file that is
    /// another one is an error. Null where nothing is recorded.
    /// </summary>
    public IReadOnlyDictionary<string, RecordedFile>? Files { get; set; }

    /// <summary>The stage that is the attack; null where the recipe has none of that name.</summary>
    [JsonIgnore]
    public TrainStageOptions? Attack =>
        Stages.OfType<TrainStageOptions>().FirstOrDefault(stage => stage.Name == Report.Attack && !stage.Skip);

    /// <summary>
    /// The stage whose data forgetting and drift are measured on: the last one that trains before the attack.
    /// </summary>
    [JsonIgnore]
    public TrainStageOptions? Probed =>
        Stages.TakeWhile(stage => stage.Name != Report.Attack).OfType<TrainStageOptions>().LastOrDefault();

    /// <summary>
    /// The last stage that trains before another one, whether or not it is skipped; null for the first.
    /// </summary>
    public TrainStageOptions? Before(StageOptions stage) =>
        Stages.TakeWhile(each => each.Name != stage.Name).OfType<TrainStageOptions>().LastOrDefault();
}

/// <summary>
/// What a report compares and shows. Everything in it only names and compares; it changes no measurement.
/// </summary>
public sealed record ReportOptions
{
    /// <summary>The name of the stage that is the attack.</summary>
    public string Attack { get; set; } = "attack";

    /// <summary>The condition that all others are compared with; the first one if it is absent.</summary>
    public string? Control { get; set; }

    /// <summary>
    /// The condition whose comparison with the control was chosen before looking; none if it is absent.
    /// </summary>
    public string? Primary { get; set; }

    /// <summary>The attack whose curves and pictures are shown; the last one if it is absent.</summary>
    public string? Focus { get; set; }

    /// <summary>
    /// Axes of the grid that are columns of the tables although they change more than the attack, or less.
    /// </summary>
    public IReadOnlyList<string> Columns { get; set; } = [];

    /// <summary>Tables of the paper to show beside: "table-1" to "table-11".</summary>
    public IReadOnlyList<string> Published { get; set; } = [];

    /// <summary>
    /// How many points of FA an attacked model may lie below the control under the same attack and still be of use to
    /// the attacker: the worst attack is chosen among those that leave it so.
    /// </summary>
    public double CapabilityGuard { get; set; } = 5;

    /// <summary>When an alignment has come out and may be compared.</summary>
    public ConvergenceOptions? Convergence { get; set; }

    /// <summary>Whether trials run one at a time, so that their times are not disturbed.</summary>
    public bool OneAtATime { get; set; }
}

/// <summary>
/// When an alignment has come out. What did not learn to refuse cannot be said to forget it, and a rule that trains
/// slowly would otherwise look like one that protects: such trials are shown and not compared. A bound that is absent
/// bounds nothing.
/// </summary>
public sealed record ConvergenceOptions
{
    /// <summary>The most nats per token of the alignment data.</summary>
    public double? MostLoss { get; set; }

    /// <summary>
    /// The most nats per token of an alignment through an adapter, which leaves embeddings and head as they were.
    /// </summary>
    public double? MostAdapterLoss { get; set; }

    /// <summary>The least share of the held-out harmful questions that is refused, in %.</summary>
    public double? LeastRefused { get; set; }
}
