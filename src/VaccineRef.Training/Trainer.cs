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
    /// <param name="cancel">Ends the stage after the current step.</param>
    /// <exception cref="InputException">A setting is out of range, or there is no data.</exception>
    /// <exception cref="NonFiniteException">
    /// A loss or gradient is not finite; the weights are those of the last good step.
    /// </exception>
    public TrainReport Run(
        IReadOnlyList<TokenSequence> data, Action<StepRecord>? onStep = null, CancellationToken cancel = default)
    {
        options.Validate();
        if (data.Count == 0)
            throw new InputException("there is nothing to train on", "data", "0 examples", "at least one with a counted label");
        int planned = options.Steps(data.Count);
        var schedule = new Schedule(options.Schedule, planned, Schedule.Warmup(options.WarmupRatio, planned));
        using var step = new TrainStep<T>(trainable, objective, rule, options.Step, device, streams);
        step.State.PlannedSteps = planned;
        var clock = Stopwatch.StartNew();
        long tokens = 0;
        double last = double.NaN;
        foreach (var (epoch, batches) in Batches(data, planned))
        {
            if (cancel.IsCancellationRequested)
                break;
            var record = step.Run(schedule.Factor(step.Steps + 1), batches) with { Epoch = epoch };
            if (step.Steps == planned)
                rule.Complete(step.State);
            (last, tokens) = (record.Loss, tokens + record.Tokens);
            onStep?.Invoke(record);
        }

        var (state, tape) = (step.State, step.State.Tape);
        return new(
            step.Steps, planned, last, clock.Elapsed.TotalSeconds, tokens, state.Forwards, tape.Reversed, tape.Activations.Peak);
    }

    /// <summary>The micro-batches of each step.</summary>
    private IEnumerable<(int Epoch, IReadOnlyList<PackedBatch> Batches)> Batches(IReadOnlyList<TokenSequence> data, int steps) =>
        new BatchOrder(options, data.Count, steps).Select(step => (
            step.Epoch,
            (IReadOnlyList<PackedBatch>)[.. step.Batches.Select(batch => PackedBatch.Pack([.. batch.Select(i => data[i])]))]));
}
