using System.Globalization;
using System.Text.Json.Serialization;
using VaccineRef.Core;

namespace VaccineRef.Training;

/// <summary>How the micro-batches of a step are weighted.</summary>
[JsonConverter(typeof(SnakeCase<AccumulationWeight>))]
public enum AccumulationWeight
{
    /// <summary>Every micro-batch counts the same: the gradient is the mean of the micro-batches' gradients.</summary>
    MicroBatch,

    /// <summary>
    /// Every counted token counts the same: for the plain rule, this is exactly the gradient of one large batch.
    /// </summary>
    Token,
}

/// <summary>The settings of one optimizer step.</summary>
/// <param name="Optimizer">How gradients move the parameters.</param>
/// <param name="Weight">How micro-batches are weighted.</param>
/// <param name="Seed">The seed of dropout and noise.</param>
/// <param name="Recompute">
/// Computes each block again in the reverse pass instead of keeping it: less memory, more time, the same bits.
/// </param>
/// <param name="Reduction">In what order the gradients of micro-batches on several ranks are added up.</param>
public sealed record StepOptions(
    OptimizerOptions Optimizer, AccumulationWeight Weight = AccumulationWeight.MicroBatch, ulong Seed = 42,
    bool Recompute = false,
    GradientReduction Reduction = GradientReduction.Ordered);

/// <summary>The settings of one training stage.</summary>
/// <param name="BatchSize">Number of sequences in a micro-batch.</param>
/// <param name="Optimizer">How gradients move the parameters.</param>
/// <param name="Epochs">How often the stage goes through the data.</param>
/// <param name="MaxSteps">Number of optimizer steps; 0 if <paramref name="Epochs"/> decides.</param>
/// <param name="Accumulation">Number of micro-batches in an optimizer step.</param>
/// <param name="Weight">How micro-batches are weighted.</param>
/// <param name="Schedule">How the learning rate changes from step to step.</param>
/// <param name="WarmupRatio">The share of the steps in which the learning rate rises from 0.</param>
/// <param name="Shuffle">Whether every epoch has a new random order.</param>
/// <param name="Seed">The seed of the order, of dropout and of noise.</param>
/// <param name="Recompute">
/// Computes each block again in the reverse pass instead of keeping it: less memory, more time, the same bits.
/// </param>
/// <param name="Reduction">In what order the gradients of micro-batches on several ranks are added up.</param>
public sealed record TrainOptions(
    int BatchSize, OptimizerOptions Optimizer, int Epochs = 1, int MaxSteps = 0, int Accumulation = 1,
    AccumulationWeight Weight = AccumulationWeight.MicroBatch, ScheduleKind Schedule = ScheduleKind.Constant,
    double WarmupRatio = 0, bool Shuffle = true, ulong Seed = 42, bool Recompute = false,
    GradientReduction Reduction = GradientReduction.Ordered)
{
    /// <summary>The settings of each optimizer step.</summary>
    public StepOptions Step => new(Optimizer, Weight, Seed, Recompute, Reduction);

    /// <summary>Number of optimizer steps in one epoch over this many examples.</summary>
    public int StepsPerEpoch(int examples)
    {
        long perStep = (long)BatchSize * Accumulation;
        return (int)((examples + perStep - 1) / perStep);
    }

    /// <summary>Number of optimizer steps of the whole stage, for this many examples.</summary>
    /// <exception cref="InputException">They are more than a counter holds.</exception>
    public int Steps(int examples)
    {
        long steps = MaxSteps > 0 ? MaxSteps : (long)Epochs * StepsPerEpoch(examples);
        return steps <= int.MaxValue ? (int)steps : throw new InputException(
            "a stage has too many steps", "epochs", $"{Epochs} epochs of {StepsPerEpoch(examples)} steps",
            $"at most {int.MaxValue} steps in all",
            "set fewer epochs, or max_steps");
    }

    /// <summary>Checks every setting, so that errors are found before anything is allocated.</summary>
    /// <param name="path">What goes before a setting's name in the message, such as its place in a recipe.</param>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public void Validate(string path = "")
    {
        void Require(bool holds, string name, object found, string expected)
        {
            if (!holds)
                throw new InputException(
                    "a training setting is out of range", path + name,
                    Convert.ToString(found, CultureInfo.InvariantCulture), expected);
        }

        // of each; so that no product of two of them leaves the range of the counters
        const int Most = 1 << 20;
        Require(BatchSize is >= 1 and <= Most, "batch_size", BatchSize, $"at least 1, at most {Most}");
        Require(Accumulation is >= 1 and <= Most, "accumulation", Accumulation, $"at least 1, at most {Most}");
        Require(Epochs <= Most, "epochs", Epochs, $"at most {Most}");
        Require(MaxSteps >= 0, "max_steps", MaxSteps, "at least 0");
        Require(Epochs >= 1 || MaxSteps > 0, "epochs", Epochs, "at least 1, or max_steps");
        Require(WarmupRatio is >= 0 and <= 1, "warmup_ratio", WarmupRatio, "between 0 and 1");
        Optimizer.Validate(Require);
    }
}
