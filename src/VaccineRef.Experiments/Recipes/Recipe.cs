using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Recipes;

/// <summary>The precision a run computes in.</summary>
public enum Precision
{
    /// <summary>32 bits: trains.</summary>
    Float,

    /// <summary>64 bits: proves.</summary>
    Double,
}

/// <summary>
/// A whole experiment as data: a model, an alignment, an attack, an evaluation. A stage that is left out is not run. Paths are
/// relative to the recipe's own folder.
/// </summary>
/// <remarks>
/// The optional settings of these records have setters because the source generator of System.Text.Json gives an absent init-only
/// property the default of its type, not its initialiser: a missing top_p would be 0.
/// </remarks>
public sealed record Recipe
{
    /// <summary>Names the run's folder and the row in a comparison.</summary>
    public required string Name { get; init; }

    /// <summary>A Hugging Face folder: config.json, safetensors, tokenizer files.</summary>
    public required string Model { get; init; }

    /// <summary>A PEFT folder to attach and merge before anything else.</summary>
    public string? Adapter { get; set; }

    /// <summary>The precision to compute in.</summary>
    public Precision Precision { get; set; }

    /// <summary>How the weights of linear layers are kept; bf16 leaves only adapters to train.</summary>
    public WeightPrecision Weights { get; set; }

    /// <summary>Decides data order, adapters, dropout, noise.</summary>
    public ulong Seed { get; set; } = 42;

    /// <summary>The id of the prompt template.</summary>
    public string Template { get; set; } = "alpaca-vaccine";

    /// <summary>Tokens at which a training row is cut.</summary>
    public int MaxLength { get; set; } = 200;

    /// <summary>What happens where a prompt's end is no token boundary.</summary>
    public BoundaryPolicy Boundary { get; set; }

    /// <summary>The defender's stage.</summary>
    public AlignmentStage? Alignment { get; set; }

    /// <summary>The user's stage.</summary>
    public AttackStage? Attack { get; set; }

    /// <summary>What is measured after every stage.</summary>
    public EvaluationStage Evaluation { get; set; } = new();

    /// <summary>The grid of <c>vaccine lab --recipe</c>; <c>vaccine run</c> computes one cell, the recipe's own.</summary>
    public LabStage? Lab { get; set; }
}

/// <summary>Rows of one file.</summary>
public sealed record DataChoice
{
    /// <summary>The file.</summary>
    public required string Path { get; init; }

    /// <summary>A known data set: sst2, ag_news, gsm8k, alpaca, beavertails, refusals.</summary>
    public string? Task { get; set; }

    /// <summary>The fields of any other data set.</summary>
    public FieldMap? Fields { get; set; }

    /// <summary>The file's format; found out by extension and content unless given.</summary>
    public DataFormat Format { get; set; }

    /// <summary>Rows to take; 0 takes all.</summary>
    public int Count { get; set; }

    /// <summary>Which rows are taken.</summary>
    public Sampling Sampling { get; set; }
}

/// <summary>Which gradient rule, with its settings. A setting that the rule does not have is an error.</summary>
public sealed record MethodChoice
{
    /// <summary>plain, vaccine, accelerated_vaccine, random or random_direction.</summary>
    public string Rule { get; set; } = "plain";

    /// <summary>vaccine: radius of the ball; random_direction: length of the noise.</summary>
    public double? Rho { get; set; }

    /// <summary>accelerated_vaccine: every tau-th step is perturbed.</summary>
    public int? Tau { get; set; }

    /// <summary>random: rho', a variance.</summary>
    public double? Variance { get; set; }

    /// <summary>vaccine: over what the ball is measured.</summary>
    public PerturbationNorm? Norm { get; set; }

    /// <summary>vaccine: whether the two passes share their dropout masks, or draw fresh ones, as released.</summary>
    public PassDropout? Dropout { get; set; }

    /// <summary>vaccine, random: which hidden embeddings are moved.</summary>
    public IReadOnlyList<SiteKind>? Sites { get; set; }
}

/// <summary>The settings of a training stage; the defaults are the paper's alignment.</summary>
public sealed record TrainingChoice
{
    /// <summary>Times through the data.</summary>
    public int Epochs { get; set; } = 50;

    /// <summary>Optimizer steps instead; 0 leaves it to the epochs.</summary>
    public int MaxSteps { get; set; }

    /// <summary>Sequences per micro-batch.</summary>
    public int BatchSize { get; set; } = 5;

    /// <summary>Micro-batches per optimizer step.</summary>
    public int Accumulation { get; set; } = 1;

    /// <summary>How micro-batches are weighted.</summary>
    public AccumulationWeight AccumulationWeight { get; set; }

    /// <summary>Peak learning rate.</summary>
    public double LearningRate { get; set; } = 1e-3;

    /// <summary>Decoupled weight decay.</summary>
    public double WeightDecay { get; set; } = 0.1;

    /// <summary>Adam's first decay.</summary>
    public double Beta1 { get; set; } = 0.9;

    /// <summary>Adam's second decay.</summary>
    public double Beta2 { get; set; } = 0.999;

    /// <summary>Adam's epsilon.</summary>
    public double AdamEpsilon { get; set; } = 1e-8;

    /// <summary>Clips the gradient's norm; 0 clips nothing.</summary>
    public double MaxGradientNorm { get; set; } = 1;

    /// <summary>The course of the learning rate.</summary>
    public ScheduleKind Schedule { get; set; } = ScheduleKind.Cosine;

    /// <summary>The part of the steps over which it rises.</summary>
    public double WarmupRatio { get; set; } = 0.1;

    /// <summary>A new order in every epoch.</summary>
    public bool Shuffle { get; set; } = true;

    /// <summary>Blocks are computed again in the reverse pass, instead of kept: less memory, more time, the same bits.</summary>
    public bool Recompute { get; set; }

    /// <summary>The trainer's options with this stage's seed.</summary>
    public TrainOptions Options(ulong seed) => new(
        BatchSize, new AdamWOptions(LearningRate, WeightDecay, Beta1, Beta2, AdamEpsilon, MaxGradientNorm), Epochs, MaxSteps,
        Accumulation, AccumulationWeight, Schedule, WarmupRatio, Shuffle, seed, Recompute);
}

/// <summary>The defender's stage: safe answers, trained with a method.</summary>
public sealed record AlignmentStage
{
    /// <summary>Safe rows.</summary>
    public required DataChoice Data { get; init; }

    /// <summary>The gradient rule.</summary>
    public MethodChoice Method { get; set; } = new();

    /// <summary>The adapter that is trained; null trains every weight.</summary>
    public LoraChoice? Lora { get; set; }

    /// <summary>Optimizer and schedule.</summary>
    public TrainingChoice Training { get; set; } = new();
}

/// <summary>What the user's fine-tuning trains.</summary>
public enum AttackAdapter
{
    /// <summary>Double LoRA: the alignment's adapter is merged, a fresh one is trained.</summary>
    Fresh,

    /// <summary>Single LoRA: the alignment's adapter is trained on.</summary>
    Same,

    /// <summary>Every weight, the alignment's adapter merged.</summary>
    None,
}

/// <summary>The user's stage: p harmful rows among n, plain fine-tuning.</summary>
public sealed record AttackStage
{
    /// <summary>The paper's fine-tuning.</summary>
    public static TrainingChoice DefaultTraining => new() { Epochs = 20, LearningRate = 1e-5 };

    /// <summary>Harmful rows.</summary>
    public required DataChoice Harmful { get; init; }

    /// <summary>Rows of the user's own task.</summary>
    public required DataChoice Benign { get; init; }

    /// <summary>p.</summary>
    public decimal HarmfulRatio { get; set; } = 0.1m;

    /// <summary>n.</summary>
    public int Samples { get; set; } = 1000;

    /// <summary>Which rows, in which order.</summary>
    public Sampling Sampling { get; set; }

    /// <summary>What is trained.</summary>
    public AttackAdapter Adapter { get; set; }

    /// <summary>The fresh adapter's settings.</summary>
    public LoraChoice Lora { get; set; } = new();

    /// <summary>What the provider does against it in this stage: ewc, kl or vlguard.</summary>
    public DefenseChoice? Defense { get; set; }

    /// <summary>Optimizer and schedule.</summary>
    public TrainingChoice Training { get; set; } = DefaultTraining;
}
