using System.Diagnostics;
using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// A training stage: batches in order, a gradient rule on an objective, clipping, AdamW, a schedule. A method of the paper is the
/// pair (objective, rule); the rest is the same for all.
/// </summary>
/// <param name="device">Where the parameters live.</param>
/// <param name="trainable">The parameters to train; they are frozen again at the end of <see cref="Run"/>.</param>
/// <param name="objective">What is minimised.</param>
/// <param name="rule">How a batch becomes gradients.</param>
/// <param name="options">The stage's settings.</param>
public sealed class Trainer<T>(
    Device device, IReadOnlyList<Parameter<T>> trainable, IObjective<T> objective, IGradientRule<T> rule, TrainOptions options)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Trains on <paramref name="data"/>.</summary>
    /// <param name="data">The examples; each must have a counted label.</param>
    /// <param name="onStep">Told of every step, after the update.</param>
    /// <param name="cancel">Ends the stage after the step under way.</param>
    /// <exception cref="InputException">A setting is out of range, or there is no data.</exception>
    /// <exception cref="NonFiniteException">A loss or gradient is not finite; the weights are those of the last good step.</exception>
    public TrainReport Run(
        IReadOnlyList<TokenSequence> data, Action<StepRecord>? onStep = null, CancellationToken cancel = default)
    {
        options.Validate();
        if (data.Count == 0)
            throw new InputException("there is nothing to train on", "data", "0 examples", "at least one with a counted label");
        using var gradients = new Arena(device);
        foreach (var parameter in trainable)
            parameter.Train(gradients);
        try
        {
            using var state = new TrainState<T>(device, trainable, options.Seed, options.Recompute);
            using var optimizer = new AdamW<T>(trainable, options.Optimizer, device);
            return Steps(data, state, optimizer, onStep, cancel);
        }
        finally
        {
            foreach (var parameter in trainable)
                parameter.Freeze();
        }
    }

    private TrainReport Steps(
        IReadOnlyList<TokenSequence> data, TrainState<T> state, AdamW<T> optimizer, Action<StepRecord>? onStep,
        CancellationToken cancel)
    {
        int planned = options.Steps(data.Count);
        var schedule = new Schedule(options.Schedule, planned, Schedule.Warmup(options.WarmupRatio, planned));
        var clock = Stopwatch.StartNew();
        long tokens = 0;
        double last = double.NaN;
        foreach (var (epoch, batches) in Batches(data, planned))
        {
            if (cancel.IsCancellationRequested)
                break;
            var record = Step(batches, epoch, state, optimizer, schedule);
            (last, tokens) = (record.Loss, tokens + record.Tokens);
            onStep?.Invoke(record);
        }

        return new(
            state.Step, planned, last, clock.Elapsed.TotalSeconds, tokens, state.Forwards, state.Tape.Reversed,
            state.Tape.Activations.Peak);
    }

    private StepRecord Step(
        IReadOnlyList<PackedBatch> batches, int epoch, TrainState<T> state, AdamW<T> optimizer, Schedule schedule)
    {
        var clock = Stopwatch.StartNew();
        state.BeginStep();
        int counted = batches.Sum(batch => batch.Counted);
        double loss = 0, clean = 0;
        RuleReport report = default;
        foreach (var batch in batches)
        {
            double scale = options.Weight == AccumulationWeight.Token ? (double)batch.Counted / counted : 1.0 / batches.Count;
            report = rule.Accumulate(objective, batch, state, scale);
            loss += scale * report.Loss;
            clean += scale * (report.CleanLoss ?? 0);
            state.NextMicroBatch();
        }

        double norm = optimizer.GradientNorm();
        if (!double.IsFinite(norm))
            throw new NonFiniteException(
                "a gradient", state.Step, optimizer.FirstNonFinite(), [.. batches.SelectMany(batch => batch.Ids)]);
        double rate = optimizer.Step(state.Step, norm, schedule.Factor(state.Step));
        return new(
            state.Step, epoch, loss, report.CleanLoss is null ? null : clean, norm, rate, report.SiteGradientNorm,
            report.PerturbationNorm, batches.Sum(batch => batch.Rows), clock.Elapsed.TotalSeconds);
    }

    /// <summary>The micro-batches of each step. An epoch's last step takes what is left.</summary>
    private IEnumerable<(int Epoch, IReadOnlyList<PackedBatch> Batches)> Batches(IReadOnlyList<TokenSequence> data, int steps)
    {
        var order = RandomStream.FromSeed(options.Seed).At("order");
        for (int epoch = 1, step = 0; step < steps; epoch++)
        {
            int[] index = [.. Enumerable.Range(0, data.Count)];
            if (options.Shuffle)
                order.At(epoch).Shuffle<int>(index);
            var groups = index.Chunk(options.BatchSize).Select(chunk => PackedBatch.Pack([.. chunk.Select(i => data[i])]));
            foreach (var batches in groups.Chunk(options.Accumulation))
            {
                if (step++ == steps)
                    yield break;
                yield return (epoch, batches);
            }
        }
    }
}
