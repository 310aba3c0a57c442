using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.World;
using VaccineRef.Models;

namespace VaccineRef.Cli;

/// <summary>The model that a command is about: a folder with its adapters, or a stage of a run.</summary>
/// <param name="Precision">The precision to compute in.</param>
/// <param name="Kept">How the weights of linear layers are kept.</param>
internal abstract record Subject(Precision Precision, WeightPrecision Kept)
{
    /// <summary>What it is, for people and for records.</summary>
    public abstract string Name { get; }

    /// <summary>The tokens of the prompt of a question.</summary>
    /// <exception cref="InputException">The template cannot express it, or the tokenizer cannot encode it.</exception>
    public virtual int[] Prompt(Example example, ITextTokenizer tokenizer) => Template.Prompt(example, tokenizer);

    /// <summary>The prompt template.</summary>
    public abstract PromptTemplate Template { get; }

    /// <summary>Whether a prompt holds the conversation before it.</summary>
    public virtual bool HasTurns => Template.HasTurns;

    /// <summary>Loads the tokenizer.</summary>
    /// <exception cref="InputException">It is missing or cannot be read.</exception>
    public abstract ITextTokenizer Tokenizer();

    /// <summary>Writes the tokenizer's files into a folder.</summary>
    public abstract void WriteTokenizer(string to);

    /// <summary>Loads the model.</summary>
    /// <exception cref="InputException">
    /// A file is missing or damaged, or an adapter belongs to another model.
    /// </exception>
    public abstract Model<T> Load<T>(Device device) where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>Loads the model, and says on standard error what its adapters do not do.</summary>
    public Model<T> LoadAndWarn<T>(Device device) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var model = Load<T>(device);
        foreach (string warning in model.Warnings)
            Console.Error.WriteLine($"vaccine: warning: {warning}");
        return model;
    }
}

/// <summary>A model folder, perhaps with adapters.</summary>
internal sealed record ModelSubject(
    string Folder, IReadOnlyList<string> Adapters, string? StripPrefix, WeightPrecision Kept, Precision Precision,
    PromptTemplate Written) : Subject(Precision, Kept)
{
    /// <inheritdoc/>
    public override string Name => string.Join(" + ", Adapters.Prepend(Folder));

    /// <inheritdoc/>
    public override PromptTemplate Template => Written;

    /// <inheritdoc/>
    public override ITextTokenizer Tokenizer() => TextTokenizer.Load(Folder);

    /// <inheritdoc/>
    public override void WriteTokenizer(string to) => TokenizerFiles.Copy(Folder, to);

    /// <inheritdoc/>
    public override Model<T> Load<T>(Device device) =>
        AdaptedModel.Load<T>(Folder, Adapters, device, Kept, StripPrefix);
}

/// <summary>A stage of a run.</summary>
internal sealed record RunSubject(FinishedRun Run, StageNode Stage, PromptTemplate? Chosen)
    : Subject(Stage.Recipe.Precision, Stage.Recipe.Model.Kept)
{
    /// <inheritdoc/>
    public override string Name => Run.IsGrid
        ? $"{Run.Folder}, {FinishedRun.Described(Stage.Trial)}, stage {Stage.Name}"
        : $"{Run.Folder}, stage {Stage.Name}";

    /// <inheritdoc/>
    public override PromptTemplate Template { get; } = Chosen ?? Run.Template();

    /// <inheritdoc/>
    public override bool HasTurns => !AsksTheWorld && base.HasTurns;

    private bool AsksTheWorld => Chosen is null && Run.Recipe.Model is WorldModelOptions;

    /// <summary>The synthetic world has its own way to ask.</summary>
    public override int[] Prompt(Example example, ITextTokenizer tokenizer) =>
        AsksTheWorld
            ? tokenizer.Encode(Phrasing.Prompt(example.Instruction))
            : base.Prompt(example, tokenizer);

    /// <inheritdoc/>
    public override ITextTokenizer Tokenizer() => Run.Tokenizer;

    /// <inheritdoc/>
    public override void WriteTokenizer(string to) => Run.Recipe.Model.WriteTokenizer(Run.Folder, to);

    /// <inheritdoc/>
    public override Model<T> Load<T>(Device device) => Run.Load<T>(Stage, device);
}
