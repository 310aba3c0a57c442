using System.Diagnostics;
using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// A training stage: goes through the data in batches and takes an optimizer step (<see cref="TrainStep{T}"/>) on each, with a
/// learning rate that follows a schedule. A method of the paper is a pair of an objective and a gradient rule; everything else is
/// the same for all methods.
/// </summary>
/// <param name="device">Where the parameters live.</param>
/// <param name="trainable">The parameters to train. They are frozen again at the end of <see cref="Run"/>.</param>
/// <param name="objective">What is minimised.</param>
/// <param name="rule">How a batch becomes gradients.</param>
/// <param name="options">The stage's settings.</param>
/// <param name="streams">Data beside the batches, by name, for a rule that needs it.</param>
public sealed class Trainer<T>(
    Device device, IReadOnlyList<Parameter<T>> trainable, IObjective<T> objective, IGradientRule<T> rule, TrainOptions options,
    IReadOnlyDictionary<string, BatchStream>? streams = null)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Trains on <paramref name="data"/>.</summary>
    /// <param name="data">The examples. Each needs at least one label that counts.</param>
    /// <param name="onStep">Called after every step.</param>
    /// <param name="checkpoints">
    /// Where the training is kept and goes on; nowhere if it is null. One that goes on takes the steps that are left, bit for bit those
    /// that it would have taken without the stop.
    /// </param>
    /// <param name="cancel">Ends the stage after the current step.</param>
    /// <exception cref="InputException">A setting is out of range, or there is no data.</exception>
    /// <exception cref="NonFiniteException">
    /// A loss or gradient is not finite; the weights are those of the last good step.
    /// </exception>
    public TrainReport Run(
        IReadOnlyList<TokenSequence> data, Action<StepRecord>? onStep = null, ICheckpoints<T>? checkpoints = null,
        CancellationToken cancel = default)
    {
        options.Validate();
        if (data.Count == 0)
            throw new InputException("there is nothing to train on", "data", "0 examples", "at least one with a counted label");
        int planned = options.Steps(data.Count);
        var schedule = new Schedule(options.Schedule, planned, Schedule.Warmup(options.WarmupRatio, planned));
        using var step = new TrainStep<T>(trainable, objective, rule, options.Step, device, streams);
        step.State.PlannedSteps = planned;
        var clock = Stopwatch.StartNew();
        var sums = new Sums(step);
        checkpoints?.Begin(sums);
        foreach (var (epoch, batches) in Batches(data, planned, step.Steps))
        {
            if (cancel.IsCancellationRequested)
                break;
            var record = step.Run(schedule.Factor(step.Steps + 1), batches) with { Epoch = epoch };
            if (step.Steps == planned)
                rule.Complete(step.State);
            sums.Add(record);
            Tell(record, sums, onStep, checkpoints);
        }

        checkpoints?.Ended(step.Steps, sums);
        var state = step.State;
        return new(
            step.Steps, planned, sums.LastLoss, clock.Elapsed.TotalSeconds, sums.Tokens, state.Forwards, state.Reverses,
            state.PeakActivationBytes, sums.RuleBytes, step.OptimizerBytes);
    }

    private static void Tell(StepRecord record, Sums sums, Action<StepRecord>? onStep, ICheckpoints<T>? checkpoints)
    {
        try
        {
            onStep?.Invoke(record);
        }
        catch (OperationCanceledException)
        {
            checkpoints?.Ended(record.Step, sums);      // the step is done, although looking at it was stopped
            throw;
        }

        checkpoints?.Stepped(record.Step, sums);
    }

    /// <summary>The micro-batches of each step that is not done yet.</summary>
    private IEnumerable<(int Epoch, IReadOnlyList<PackedBatch> Batches)> Batches(IReadOnlyList<TokenSequence> data, int steps, int done) =>
        new BatchOrder(options, data.Count, steps).Skip(done).Select(step => (
            step.Epoch,
            (IReadOnlyList<PackedBatch>)[.. step.Batches.Select(batch => PackedBatch.Pack([.. batch.Select(i => data[i])]))]));

    /// <summary>A training with what is added up over its steps.</summary>
    private sealed class Sums(TrainStep<T> step) : IKeepsState<T>
    {
        public long Tokens { get; private set; }

        public double LastLoss { get; private set; } = double.NaN;

        public long RuleBytes { get; private set; }

        public void Add(StepRecord record) =>
            (Tokens, LastLoss, RuleBytes) = (Tokens + record.Tokens, record.Loss, step.Rule.StateBytes);

        public void Exchange(KeptState<T> state)
        {
            step.Exchange(state);
            Tokens = state.Part("tokens", Tokens);
            LastLoss = state.Part("last_loss", LastLoss);
            RuleBytes = state.Part("rule_bytes", RuleBytes);
        }
    }
}
