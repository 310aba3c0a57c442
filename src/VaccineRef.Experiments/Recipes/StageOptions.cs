using System.Numerics;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Edits;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Recipes;

/// <summary>
/// A stage of an experiment: something that is done to the model. It either trains, or edits the weights without
/// training. To add an edit, write its file and add its line to the list below.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(TrainStageOptions), "train")]
[JsonDerivedType(typeof(ScaleResidualStreamOptions), "scale_residual_stream")]
[JsonDerivedType(typeof(LoxOptions), "lox")]
[JsonDerivedType(typeof(SafeLoraOptions), "safe_lora")]
[JsonDerivedType(typeof(AntidoteOptions), "antidote")]
[JsonDerivedType(typeof(SafeDeltaOptions), "safe_delta")]
public abstract record StageOptions
{
    /// <summary>Names the stage in paths, folders and reports, and the random stream that it draws from.</summary>
    public required string Name { get; init; }

    /// <summary>Whether the stage is left out. Its data can still be mixed in or measured on.</summary>
    public bool Skip { get; set; }

    /// <summary>
    /// Earlier stages whose weights are looked at, by name; <see cref="Pipeline.StageNode.Given"/> is the model as it
    /// is given.
    /// </summary>
    public virtual IReadOnlyList<string> References() => [];

    /// <summary>Checks the settings before anything is loaded.</summary>
    /// <param name="path">Where the settings stand in the recipe; the error names it.</param>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public abstract void Validate(string path);

    /// <summary>The data of the stage, each under its name among all stages' and under its key in the recipe.</summary>
    internal virtual IEnumerable<(string Name, string Key, DataOptions Data)> AllData() => [];

    /// <summary>Whether any of the data come from the synthetic world.</summary>
    internal bool NeedsWorld => AllData().Any(part => part.Data.NeedsWorld());
}

/// <summary>A stage that changes weights without training.</summary>
public abstract record EditStageOptions : StageOptions
{
    /// <summary>The data that the edit looks at, by the name that <see cref="EditContext{T}.Rows"/> takes.</summary>
    public virtual IReadOnlyDictionary<string, DataOptions> Streams() => new Dictionary<string, DataOptions>();

    /// <summary>
    /// Changes the weights of a model to which no adapter is attached, each by <see cref="EditContext{T}.Change"/>.
    /// </summary>
    /// <exception cref="InputException">The model is not of a kind that this edit works on.</exception>
    public abstract void Apply<T>(EditContext<T> context) where T : unmanaged, IFloatingPointIeee754<T>;

    /// <inheritdoc/>
    internal override IEnumerable<(string Name, string Key, DataOptions Data)> AllData() =>
        Streams().Select(stream => (StreamKey.Of(Name, stream.Key), $"{Name}.{stream.Key}", stream.Value));

    /// <summary>Checks that a setting is a finite number that is not negative.</summary>
    /// <exception cref="RecipeException">It is not.</exception>
    protected static void RequireFinite(double value, string path)
    {
        if (value is not (>= 0 and < double.PositiveInfinity))
            throw RecipeException.OutOfRange(path, value, "a finite number, at least 0");
    }
}

/// <summary>A stage that trains: an objective and a gradient rule, on data.</summary>
public sealed record TrainStageOptions : StageOptions
{
    /// <summary>What is minimised.</summary>
    public ObjectiveOptions Objective { get; set; } = new CrossEntropyOptions();

    /// <summary>How a batch becomes gradients.</summary>
    public RuleOptions Rule { get; set; } = new PlainOptions();

    /// <summary>What the model is trained on.</summary>
    public required DataOptions Data { get; init; }

    /// <summary>The id of the prompt template of this stage's rows; that of the recipe if it is absent.</summary>
    public string? Template { get; set; }

    /// <summary>A system text for a chat template; that of the recipe if it is absent.</summary>
    public string? System { get; set; }

    /// <summary>
    /// Data beside the stage's own, by name, for a rule that needs them (<see cref="RuleOptions.Streams"/>); none if it
    /// is absent.
    /// </summary>
    public IReadOnlyDictionary<string, StreamOptions>? Streams { get; set; }

    /// <summary>Rows of an earlier stage that are mixed in, as VLGuard does; none if it is absent.</summary>
    public MixedInOptions? MixedIn { get; set; }

    /// <summary>The adapter that is trained; every weight is if it is absent.</summary>
    public AdapterOptions? Adapter { get; set; }

    /// <summary>Optimizer and schedule.</summary>
    public TrainingOptions Training { get; set; } = new();

    /// <summary>Whether the stage needs data of the stage before it.</summary>
    internal bool NeedsReference => Objective.NeedsReference();

    /// <inheritdoc/>
    public override IReadOnlyList<string> References() => Objective.References();

    /// <inheritdoc/>
    internal override IEnumerable<(string Name, string Key, DataOptions Data)> AllData() =>
    [
        (Name, $"{Name}.data", Data),
        .. Streams?.Select(stream => (StreamKey.Of(Name, stream.Key), $"{Name}.streams.{stream.Key}.data", stream.Value.Data)) ?? [],
    ];

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        Objective.Validate($"{path}.objective");
        Rule.Validate($"{path}.rule");
        Data.Validate($"{path}.data");
        RecipeLimits.RequireTemplate(path, Template, System);
        Adapter?.Validate($"{path}.adapter");
        Training.RequireOwn($"{path}.training");
        Training.For(seed: 0).Validate($"{path}.training.");
        if (Training.MaxSteps > 0)
            Training.RequireMovement(Training.MaxSteps, $"{path}.training");
        if (MixedIn is { Count: < 1 } none)
            throw RecipeException.OutOfRange($"{path}.mixed_in.count", none.Count, "at least 1");
        ValidateStreams($"{path}.streams");
    }

    private void ValidateStreams(string path)
    {
        var (needed, given) = (Rule.Streams(), Streams ?? new Dictionary<string, StreamOptions>());
        if (needed.FirstOrDefault(name => !given.ContainsKey(name)) is { } missing)
            throw new RecipeException(
                "the rule needs data that the stage does not give", $"{path}.{missing}", Rule.Label(),
                "\"data\" under this name");
        foreach (var (name, stream) in given)
        {
            if (!needed.Contains(name))
                throw new RecipeException(
                    "the rule uses no such data", $"{path}.{name}", Rule.Label(),
                    needed.Count > 0 ? string.Join(", ", needed) : "no streams for this rule");
            if (stream.BatchSize < 0)
                throw RecipeException.OutOfRange(
                    $"{path}.{name}.batch_size", stream.BatchSize, "at least 1, or 0 for that of the stage");
            stream.Data.Validate($"{path}.{name}.data");
        }
    }
}

/// <summary>Data that a rule sees beside the batches of its stage.</summary>
public sealed record StreamOptions
{
    /// <summary>Where they come from.</summary>
    public required DataOptions Data { get; init; }

    /// <summary>Sequences in a batch; 0 for as many as the stage has.</summary>
    public int BatchSize { get; set; }
}

/// <summary>Rows of another stage's data that a stage is trained on besides its own.</summary>
public sealed record MixedInOptions
{
    /// <summary>The name of the stage whose data they are.</summary>
    public required string From { get; init; }

    /// <summary>How many rows.</summary>
    public required int Count { get; init; }
}
