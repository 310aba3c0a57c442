using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.World;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// What a recipe says of a stage's data: where they come from. To add a source, write its record and add its line to the list below.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(FileDataOptions), "file")]
[JsonDerivedType(typeof(MixtureOptions), "mixture")]
[JsonDerivedType(typeof(WorldPretrainingOptions), "world_pretraining")]
[JsonDerivedType(typeof(WorldAlignmentOptions), "world_alignment")]
[JsonDerivedType(typeof(WorldAttackOptions), "world_attack")]
public abstract record DataOptions
{
    /// <summary>Reads the rows, and notes in the reader's manifest what was read.</summary>
    /// <param name="reader">Files, tokenizer and world of the trial.</param>
    /// <param name="stage">The name of the stage, which names the random stream of what is drawn.</param>
    /// <exception cref="InputException">A file, a row or a count is wrong.</exception>
    public abstract StageData Read(DataReader reader, string stage);

    /// <summary>How many examples there are, as far as that is known before they are read: to tell how much work is left.</summary>
    public abstract int Examples();

    /// <summary>Whether the data come from the synthetic world.</summary>
    public virtual bool NeedsWorld() => false;

    /// <summary>Checks the settings before anything is read.</summary>
    /// <exception cref="RecipeException">A setting is out of its range.</exception>
    public virtual void Validate(string path)
    {
    }
}

/// <summary>The data of a stage, ready to train on.</summary>
/// <param name="Sequences">All of them, in their order.</param>
/// <param name="Rows">The rows as they stand in files; none for data that are made by code.</param>
/// <param name="Draw">Some of them, by their number: for another stage that mixes them in.</param>
public sealed record StageData(
    IReadOnlyList<TokenSequence> Sequences, IReadOnlyList<Example> Rows, Func<int, IReadOnlyList<TokenSequence>> Draw);

/// <summary>Rows of one file.</summary>
public sealed record FileDataOptions : DataOptions
{
    /// <summary>The file.</summary>
    public required string Path { get; init; }

    /// <summary>A known data set: sst2, ag_news, gsm8k, alpaca, beavertails or refusals.</summary>
    public string? Task { get; set; }

    /// <summary>The fields of any other data set.</summary>
    public FieldMap? Fields { get; set; }

    /// <summary>The file's format; found out by extension and content unless it is given.</summary>
    public DataFormat Format { get; set; }

    /// <summary>How many rows to take; 0 takes all.</summary>
    public int Count { get; set; }

    /// <summary>Which rows are taken, and in which order.</summary>
    public Sampling Sampling { get; set; }

    /// <inheritdoc/>
    public override StageData Read(DataReader reader, string stage)
    {
        var pool = reader.Chosen(stage, this, reader.KindOf(stage));
        return new(reader.Encode(pool, Count, Sampling), pool.Rows, count => reader.Guard(pool.Rows, count, Sampling));
    }

    /// <inheritdoc/>
    public override int Examples() => Math.Max(1, Count);

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        if (Count < 0)
            throw RecipeException.OutOfRange($"{path}.count", Count, "0 for all, or how many");
        if ((Task is null) == (Fields is null))
            throw new RecipeException(
                "the fields of a data file are named in one way", path, Task is null ? "neither" : "both", "either \"task\" or \"fields\"");
        string[] tasks = [.. TaskPreset.All.Select(preset => preset.Id)];
        if (Task is { } task && !tasks.Contains(task))
            throw RecipeException.Unknown("unknown name", $"{path}.task", task, tasks);
    }
}

/// <summary>The data of an attack: a share of harmful rows among rows of the user's own task.</summary>
public sealed record MixtureOptions : DataOptions
{
    /// <summary>Harmful rows.</summary>
    public required FileDataOptions Harmful { get; init; }

    /// <summary>Rows of the user's own task.</summary>
    public required FileDataOptions Benign { get; init; }

    /// <summary>The share of harmful rows.</summary>
    public decimal HarmfulRatio { get; set; } = 0.1m;

    /// <summary>How many rows in all.</summary>
    public int Samples { get; set; } = 1000;

    /// <summary>Which rows, in which order.</summary>
    public Sampling Sampling { get; set; }

    /// <inheritdoc/>
    public override StageData Read(DataReader reader, string stage)
    {
        var harmful = reader.Chosen("harmful", Harmful, RowKind.Unsafe).Without(reader.HeldOut);
        var benign = reader.Chosen("benign", Benign, RowKind.Safe).Without(reader.HeldOut);
        var mixture = Mixture.Compose(harmful, benign, HarmfulRatio, Samples, Sampling, reader.Seed, reader.Fits);
        return new(
            reader.Encode(stage, mixture, Sampling), mixture.Examples, count => reader.Guard(mixture.Examples, count, Sampling));
    }

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
