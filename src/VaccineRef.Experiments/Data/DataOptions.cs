using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.World;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Settings for the data of a stage: where they come from. To add a source, write its record and add a line to the list
/// below.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(FileDataOptions), "file")]
[JsonDerivedType(typeof(MixtureOptions), "mixture")]
[JsonDerivedType(typeof(WorldPretrainingOptions), "world_pretraining")]
[JsonDerivedType(typeof(WorldAlignmentOptions), "world_alignment")]
[JsonDerivedType(typeof(WorldAttackOptions), "world_attack")]
[JsonDerivedType(typeof(WorldHarmfulOptions), "world_harmful")]
[JsonDerivedType(typeof(WorldRefusalsOptions), "world_refusals")]
public abstract record DataOptions
{
    /// <summary>Reads the rows, and records in the reader's manifest what was read.</summary>
    /// <param name="reader">Provides the files, the tokenizer and the synthetic world of the trial.</param>
    /// <param name="stage">The name of the stage. It also names the random stream from which rows are drawn.</param>
    /// <exception cref="InputException">A file, a row or a count is wrong.</exception>
    public abstract StageData Read(DataReader reader, string stage);

    /// <summary>
    /// The number of examples, as far as it is known before they are read. It serves to estimate how much work is left.
    /// </summary>
    public abstract int Examples();

    /// <summary>Whether the data come from the synthetic world.</summary>
    public virtual bool NeedsWorld() => false;

    /// <summary>
    /// The files that are read, each with the key under which it stands in these settings; "" for the settings
    /// themselves.
    /// </summary>
    public virtual IEnumerable<(string Key, FileDataOptions File)> Files() => [];

    /// <summary>Checks the settings before anything is read.</summary>
    /// <exception cref="RecipeException">A setting is out of its range.</exception>
    public virtual void Validate(string path)
    {
    }
}

/// <summary>The data of a stage, ready for training.</summary>
/// <param name="Sequences">All rows, in order.</param>
/// <param name="Rows">The rows as the files have them. Empty for data that are made by code.</param>
/// <param name="Draw">
/// Draws as many rows as asked for. Another stage uses this to mix rows of this stage into its own.
/// </param>
public sealed record StageData(
    IReadOnlyList<TokenSequence> Sequences, IReadOnlyList<Example> Rows, Func<int, IReadOnlyList<TokenSequence>> Draw);

/// <summary>Settings for data from files.</summary>
public sealed record FileDataOptions : DataOptions
{
    /// <summary>
    /// The path of a file; a pattern of several, as in "data/*.jsonl"; or a folder whose data files are all of one
    /// kind. Several files are read in the ordinal order of their paths.
    /// </summary>
    public required string Path { get; init; }

    /// <summary>Further files, patterns or folders, which are read after it.</summary>
    public IReadOnlyList<string> More { get; set; } = [];

    /// <summary>A known data set: sst2, ag_news, gsm8k, alpaca, beavertails, refusals, prompts or chat.</summary>
    public string? Task { get; set; }

    /// <summary>For any other data set, the names of its fields.</summary>
    public FieldMap? Fields { get; set; }

    /// <summary>For fields of the task that the file calls otherwise, its names for them.</summary>
    public IReadOnlyDictionary<string, string>? Rename { get; set; }

    /// <summary>
    /// The rows that are read, by the numbers that messages name, counted from 1: "1000-2000" with both ends, "1000-"
    /// or "-2000"; all if it is absent.
    /// </summary>
    public string? Rows { get; set; }

    /// <summary>The format of the file. By default it is found out from the extension and the content.</summary>
    public DataFormat Format { get; set; }

    /// <summary>How many rows to take. 0 takes all.</summary>
    public int Count { get; set; }

    /// <summary>Which rows are taken, and in which order they come.</summary>
    public Sampling Sampling { get; set; }

    /// <inheritdoc/>
    public override StageData Read(DataReader reader, string stage)
    {
        var pool = reader.Chosen(stage, this, reader.KindOf(stage));
        if (StreamKey.Is(stage))
            pool = pool.Without(reader.HeldOut);
        return new(
            reader.Encode(pool, Count, Sampling), pool.Rows, count => reader.Guard(stage, pool.Rows, count, Sampling));
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Key, FileDataOptions File)> Files() => [("", this)];

    /// <inheritdoc/>
    public override int Examples() => Math.Max(1, Count);

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        if (Count < 0)
            throw RecipeException.OutOfRange($"{path}.count", Count, "0 for all, or how many");
        if ((Task is null) == (Fields is null))
            throw new RecipeException(
                "the fields of a data file are named in one way", path, Task is null ? "neither" : "both",
                "either \"task\" or \"fields\"");
        string[] tasks = [.. TaskPreset.All.Select(preset => preset.Id)];
        if (Task is { } task && !tasks.Contains(task))
            throw RecipeException.Unknown("unknown name", $"{path}.task", task, tasks);
        if (Rows is not null && RowRange.Parse(Rows) is null)
            throw RecipeException.OutOfRange($"{path}.rows", Rows, RowRange.Form);
        if (Rename is null)
            return;
        if (Fields is not null)
            throw new RecipeException(
                "the fields of a data file are named in one way", $"{path}.rename", "fields and rename",
                "rename beside a task");
        if (Rename.Keys.FirstOrDefault(name => !TaskPreset.Get(Task!).Fields.Contains(name)) is { } unknown)
            throw RecipeException.Unknown(
                "the task has no such field", $"{path}.rename.{unknown}", unknown, [.. TaskPreset.Get(Task!).Fields]);
    }

    /// <summary>The rows that are read; null for all.</summary>
    internal RowRange? Range => Rows is null ? null : RowRange.Parse(Rows);

    /// <summary>How rows become examples.</summary>
    internal TaskPreset Preset => Fields is { } fields ? TaskPreset.From(fields)     // Validate made sure that one of the two is given
        : TaskPreset.Get(Task!).Renamed(Rename ?? new Dictionary<string, string>());
}

/// <summary>
/// Settings for the data of an attack: a share of harmful rows, mixed with rows of the user's own task.
/// </summary>
public sealed record MixtureOptions : DataOptions
{
    /// <summary>Where the harmful rows come from.</summary>
    public required FileDataOptions Harmful { get; init; }

    /// <summary>Where the rows of the user's own task come from.</summary>
    public required FileDataOptions Benign { get; init; }

    /// <summary>The share of rows that are harmful, from 0 to 1.</summary>
    public decimal HarmfulRatio { get; set; } = 0.1m;

    /// <summary>The total number of rows.</summary>
    public int Samples { get; set; } = 1000;

    /// <summary>Which rows are taken, and in which order they come.</summary>
    public Sampling Sampling { get; set; }

    /// <inheritdoc/>
    public override StageData Read(DataReader reader, string stage)
    {
        var harmful = reader.Chosen("harmful", Harmful, RowKind.Unsafe).Without(reader.HeldOut);
        var benign = reader.Chosen("benign", Benign, RowKind.Safe).Without(reader.HeldOut);
        var template = reader.TemplateOf(stage);
        var mixture = Mixture.Compose(
            harmful, benign, HarmfulRatio, Samples, Sampling, reader.Seed, row => reader.Fits(row, template));
        return new(
            reader.Encode(stage, mixture, Sampling), mixture.Examples,
            count => reader.Guard(stage, mixture.Examples, count, Sampling));
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Key, FileDataOptions File)> Files() =>
        [("harmful", Harmful), ("benign", Benign)];

    /// <inheritdoc/>
    public override int Examples() => Samples;

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        Harmful.Validate($"{path}.harmful");
        Benign.Validate($"{path}.benign");
        if (HarmfulRatio is < 0 or > 1)
            throw RecipeException.OutOfRange($"{path}.harmful_ratio", HarmfulRatio, "between 0 and 1");
        if (Samples < 1)
            throw RecipeException.OutOfRange($"{path}.samples", Samples, "at least 1");
    }
}
