using System.Globalization;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Recipes;

/// <summary>The settings of a training stage; the defaults are those of the paper's alignment.</summary>
public sealed record TrainingOptions
{
    /// <summary>Times through the data.</summary>
    public int Epochs { get; set; } = 50;

    /// <summary>Optimizer steps, instead of epochs; 0 leaves the number to the epochs.</summary>
    public int MaxSteps { get; set; }

    /// <summary>Sequences in a micro-batch.</summary>
    public int BatchSize { get; set; } = 5;

    /// <summary>Micro-batches in an optimizer step.</summary>
    public int Accumulation { get; set; } = 1;

    /// <summary>How micro-batches are weighted.</summary>
    public AccumulationWeight AccumulationWeight { get; set; }

    /// <summary>The highest learning rate.</summary>
    public double LearningRate { get; set; } = 1e-3;

    /// <summary>
    /// Weight decay of matrices: decoupled with AdamW and Muon, added to the gradient with SGD and RMSProp.
    /// </summary>
    public double WeightDecay { get; set; } = 0.1;

    /// <summary>By which rule gradients move what is trained, with its settings; AdamW if it is absent.</summary>
    public OptimizerOptions? Optimizer { get; set => field = value is AdamWOptions ? null : value; }

    /// <summary>Decay of Adam's first moment, for an optimizer that has one.</summary>
    public double? Beta1 { get => Adams(field, 0.9); set; }

    /// <summary>Decay of Adam's second moment, for an optimizer that has one.</summary>
    public double? Beta2 { get => Adams(field, 0.999); set; }

    /// <summary>Adam's epsilon, for an optimizer that has one.</summary>
    public double? AdamEpsilon { get => Adams(field, 1e-8); set; }

    /// <summary>The norm that the gradient is clipped to; 0 clips nothing.</summary>
    public double MaxGradientNorm { get; set; } = 1;

    /// <summary>The course of the learning rate.</summary>
    public ScheduleKind Schedule { get; set; } = ScheduleKind.Cosine;

    /// <summary>The share of the steps over which the learning rate rises.</summary>
    public double WarmupRatio { get; set; } = 0.1;

    /// <summary>Whether every epoch has a new order.</summary>
    public bool Shuffle { get; set; } = true;

    /// <summary>
    /// Whether blocks are computed again in the reverse pass instead of kept: less memory, more time, the same bits.
    /// </summary>
    public bool Recompute { get; set; }

    /// <summary>
    /// Requires that some step moves the weights: with a warm-up, the learning rate of the first step is 0, and a
    /// training of one step has no other.
    /// </summary>
    /// <param name="rows">How many rows are trained on.</param>
    /// <param name="path">Where the settings stand; the error names it.</param>
    /// <exception cref="RecipeException">The learning rate is 0 in every step.</exception>
    internal void RequireMovement(int rows, string path)
    {
        int steps = For(seed: 0).Steps(rows);
        var schedule = new Schedule(Schedule, steps, Training.Schedule.Warmup(WarmupRatio, steps));
        if (steps == 1 && LearningRate > 0 && schedule.Factor(1) == 0)
            throw new RecipeException(
                "the learning rate is 0 in every step, so nothing would be trained", $"{path}.warmup_ratio",
                $"{WarmupRatio.ToString(CultureInfo.InvariantCulture)} of 1 step",
                "0 where there is one step, or more steps",
                $"set {path}.warmup_ratio to 0, or raise epochs or max_steps");
    }

    /// <summary>The trainer's options, with the seed of the stage.</summary>
    public TrainOptions For(ulong seed) => new(
        BatchSize,
        Chosen() with { LearningRate = LearningRate, WeightDecay = WeightDecay, MaxGradientNorm = MaxGradientNorm },
        Epochs, MaxSteps,
        Accumulation, AccumulationWeight, Schedule, WarmupRatio, Shuffle, seed, Recompute);

    /// <summary>Requires that no setting is given which the optimizer does not have.</summary>
    /// <param name="path">Where the settings stand; the error names it.</param>
    /// <exception cref="RecipeException">One is.</exception>
    internal void RequireOwn(string path)
    {
        (string Key, double? Value)[] adams = [("beta1", Beta1), ("beta2", Beta2), ("adam_epsilon", AdamEpsilon)];
        if (Optimizer is not (null or AdamOptions)
            && adams.FirstOrDefault(each => each.Value is not null) is { Value: { } value } given)
            throw new RecipeException(
                "the optimizer has no such setting", $"{path}.{given.Key}", NumberText.Of(value),
                $"no {given.Key} with {Optimizer.Name()}",
                "remove it, or choose an optimizer that uses Adam");
    }

    // A grid writes a recipe with all its defaults before it chooses: what says the default of an optimizer that is not
    // chosen says nothing.
    private double? Adams(double? given, double number) =>
        Optimizer is null or AdamOptions ? given ?? number : given == number ? null : given;

    private OptimizerOptions Chosen() => (Optimizer ?? new AdamWOptions()) is AdamOptions adam
        ? adam with { Beta1 = Beta1!.Value, Beta2 = Beta2!.Value, Epsilon = AdamEpsilon!.Value }
        : Optimizer!;
}
