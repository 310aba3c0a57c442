using System.Globalization;
using VaccineRef.Core;

namespace VaccineRef.Training;

/// <summary>The settings of one training stage.</summary>
/// <param name="BatchSize">Sequences per micro-batch.</param>
/// <param name="Optimizer">AdamW's settings.</param>
/// <param name="Epochs">Times through the data.</param>
/// <param name="MaxSteps">Optimizer steps, instead of epochs; 0 leaves it to the epochs.</param>
/// <param name="Accumulation">Micro-batches per optimizer step.</param>
/// <param name="Weight">How they are weighted.</param>
/// <param name="Schedule">The course of the learning rate.</param>
/// <param name="WarmupRatio">The part of the steps over which it rises.</param>
/// <param name="Shuffle">A new order in every epoch; otherwise the data's own.</param>
/// <param name="Seed">Decides order, dropout and noise.</param>
/// <param name="Recompute">Blocks are computed again in reverse, instead of kept: less memory, more time, the same bits.</param>
public sealed record TrainOptions(
    int BatchSize, AdamWOptions Optimizer, int Epochs = 1, int MaxSteps = 0, int Accumulation = 1,
    AccumulationWeight Weight = AccumulationWeight.MicroBatch, ScheduleKind Schedule = ScheduleKind.Constant,
    double WarmupRatio = 0, bool Shuffle = true, ulong Seed = 42, bool Recompute = false)
{
    /// <summary>The settings of each optimizer step.</summary>
    public StepOptions Step => new(Optimizer, Weight, Seed, Recompute);

    /// <summary>Optimizer steps in one time through <paramref name="examples"/> examples.</summary>
    public int StepsPerEpoch(int examples) => (examples + (BatchSize * Accumulation) - 1) / (BatchSize * Accumulation);

    /// <summary>Optimizer steps of the whole stage.</summary>
    public int Steps(int examples) => MaxSteps > 0 ? MaxSteps : Epochs * StepsPerEpoch(examples);

    /// <summary>Checks every setting once, before anything is allocated.</summary>
    /// <param name="path">Where the settings stand: it goes before their names in the error.</param>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public void Validate(string path = "")
    {
        void Require(bool holds, string name, object found, string expected)
        {
            if (!holds)
                throw new InputException(
                    "a training setting is out of range", path + name, Convert.ToString(found, CultureInfo.InvariantCulture), expected);
        }

        Require(BatchSize >= 1, "batch_size", BatchSize, "at least 1");
        Require(Accumulation >= 1, "accumulation", Accumulation, "at least 1");
        Require(MaxSteps >= 0, "max_steps", MaxSteps, "at least 0");
        Require(Epochs >= 1 || MaxSteps > 0, "epochs", Epochs, "at least 1, or max_steps");
        Require(WarmupRatio is >= 0 and <= 1, "warmup_ratio", WarmupRatio, "between 0 and 1");
        Require(Optimizer.LearningRate is >= 0 and < double.PositiveInfinity, "learning_rate", Optimizer.LearningRate, "at least 0");
        Require(Optimizer.WeightDecay is >= 0 and < double.PositiveInfinity, "weight_decay", Optimizer.WeightDecay, "at least 0");
        Require(Optimizer.Beta1 is >= 0 and < 1, "beta1", Optimizer.Beta1, "in [0, 1)");
        Require(Optimizer.Beta2 is >= 0 and < 1, "beta2", Optimizer.Beta2, "in [0, 1)");
        Require(Optimizer.Epsilon is > 0 and < 1, "adam_epsilon", Optimizer.Epsilon, "in (0, 1)");
        Require(Optimizer.MaxGradientNorm >= 0, "max_gradient_norm", Optimizer.MaxGradientNorm, "at least 0; 0 clips nothing");
    }
}
