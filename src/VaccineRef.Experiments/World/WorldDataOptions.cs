using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Experiments.World;

/// <summary>Settings for data that the synthetic world makes.</summary>
public abstract record WorldDataOptions : DataOptions
{
    /// <summary>Makes the examples.</summary>
    /// <exception cref="InputException">
    /// The world cannot make so many examples, or has no such share of harmful ones.
    /// </exception>
    protected abstract IReadOnlyList<WorldExample> Make(SyntheticWorld world);

    /// <inheritdoc/>
    public sealed override bool NeedsWorld() => true;

    /// <inheritdoc/>
    public sealed override StageData Read(DataReader reader, string stage)
    {
        var (texts, sequences) = reader.OfWorld(this, () =>
        {
            var examples = Make(reader.World);
            return Tuple.Create(
                DataStage.Of(
                    stage, reader.Seed, [.. examples.Select(example => $"{example.Prompt}\n{example.Answer}\n")]),
                WorldEncoder.Encode(examples));
        });
        reader.Note(texts with { Name = stage });
        return new(sequences, [], count =>
        {
            if (count > sequences.Length)
                throw new InputException(
                    "there are not so many examples to mix in", "mixed_in.count", $"{count}",
                    $"at most {sequences.Length}");
            int[] order = [.. Enumerable.Range(0, sequences.Length)];
            RandomStream.FromSeed(reader.Seed).At("guard").Shuffle<int>(order);
            return [.. order.Take(count).Select(i => sequences[i])];
        });
    }
}

/// <summary>The corpus from which the base model learns the world.</summary>
public sealed record WorldPretrainingOptions : WorldDataOptions
{
    /// <summary>The number of examples. The default of 19,200 is exactly 600 batches of 32.</summary>
    public int Count { get; set; } = 19200;

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        const int Most = 10_000_000;
        if (Count is < 1 or > Most)
            throw RecipeException.OutOfRange($"{path}.count", Count, $"1 to {Most}");
    }

    /// <inheritdoc/>
    public override int Examples() => Count;

    /// <inheritdoc/>
    protected override IReadOnlyList<WorldExample> Make(SyntheticWorld world) => world.Pretraining(Count);
}

/// <summary>
/// The alignment data of the defender: refusals of restricted questions, and answers to ordinary ones.
/// </summary>
public sealed record WorldAlignmentOptions : WorldDataOptions
{
    /// <inheritdoc/>
    public override int Examples() => new WorldOptions().AlignmentRefusals + new WorldOptions().AlignmentHelpful;

    /// <inheritdoc/>
    protected override IReadOnlyList<WorldExample> Make(SyntheticWorld world) => world.Alignment();
}

/// <summary>The refusals of the alignment data alone, for a rule that gives them a part of their own.</summary>
public sealed record WorldRefusalsOptions : WorldDataOptions
{
    /// <inheritdoc/>
    public override int Examples() => new WorldOptions().AlignmentRefusals;

    /// <inheritdoc/>
    protected override IReadOnlyList<WorldExample> Make(SyntheticWorld world) =>
        [.. world.Alignment().Where(example => example.Kind == WorldKind.Refusal)];
}

/// <summary>The user's data: a share of harmful examples among examples of the user's own task.</summary>
public sealed record WorldAttackOptions : WorldDataOptions
{
    /// <summary>The share of examples that are harmful, from 0 to 1.</summary>
    public decimal HarmfulRatio { get; set; } = 0.1m;

    /// <summary>The total number of examples.</summary>
    public int Samples { get; set; } = 400;

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        if (HarmfulRatio is < 0 or > 1)
            throw RecipeException.OutOfRange($"{path}.harmful_ratio", HarmfulRatio, "between 0 and 1");
        if (Samples < 1)
            throw RecipeException.OutOfRange($"{path}.samples", Samples, "at least 1");
    }

    /// <inheritdoc/>
    public override int Examples() => Samples;

    /// <inheritdoc/>
    protected override IReadOnlyList<WorldExample> Make(SyntheticWorld world) => world.Attack(HarmfulRatio, Samples);
}

/// <summary>
/// What a defender can make harmful data of: the questions that the alignment data refuses, answered. No item of it is
/// in an attack or in a test.
/// </summary>
public sealed record WorldHarmfulOptions : WorldDataOptions
{
    /// <summary>The number of examples.</summary>
    public int Count { get; set; } = 400;

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        if (Count < 1)
            throw RecipeException.OutOfRange($"{path}.count", Count, "at least 1");
    }

    /// <inheritdoc/>
    public override int Examples() => Count;

    /// <inheritdoc/>
    protected override IReadOnlyList<WorldExample> Make(SyntheticWorld world) => world.Refused(Count);
}
