using System.Diagnostics;
using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// A training stage: goes through the data in batches and takes an optimizer step (<see cref="TrainStep{T}"/>) on each,
/// with a learning rate that follows a schedule. A method of the paper is a pair of an objective and a gradient rule;
/// everything else is the same for all methods.
/// </summary>
/// <param name="device">Where the parameters live.</param>
/// <param name="trainable">The parameters to train. They are frozen again at the end of <see cref="Run"/>.</param>
/// <param name="objective">What is minimised.</param>
/// <param name="rule">How a batch becomes gradients.</param>
/// <param name="options">The stage's settings.</param>
/// <param name="streams">Data beside the batches, by name, for a rule that needs it.</param>
/// <param name="ranks">
/// Among whom the micro-batches of each step are divided; nobody if it is null. Every rank has the same parameters,
/// settings and data.
/// </param>
public sealed class Trainer<T>(
    Device device, IReadOnlyList<Parameter<T>> trainable, IObjective<T> objective, IGradientRule<T> rule,
    TrainOptions options,
    IReadOnlyDictionary<string, BatchStream>? streams = null, ICommunicator? ranks = null)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ICommunicator _ranks = ranks ?? Alone.Only;

    /// <summary>Trains on <paramref name="data"/>.</summary>
    /// <param name="data">The examples. Each needs at least one label that counts.</param>
    /// <param name="onStep">Called after every step.</param>
    /// <param name="checkpoints">
    /// Where the training is kept and goes on; nowhere if it is null. One that goes on takes the steps that are left,
    /// bit for bit those that it would have taken without the stop.
    /// </param>
    /// <param name="cancel">Ends the stage after the current step.</param>
    /// <exception cref="InputException">
    /// A setting is out of range, there is no data, or there are more ranks than a step has micro-batches.
    /// </exception>
    /// <exception cref="NonFiniteException">
    /// A loss or gradient is not finite; the weights are those of the last good step.
    /// </exception>
    public TrainReport Run(
        IReadOnlyList<TokenSequence> data, Action<StepRecord>? onStep = null, ICheckpoints<T>? checkpoints = null,
        CancellationToken cancel = default)
    {
        options.Validate();
        if (data.Count == 0)
            throw new InputException(
                "there is nothing to train on", "data", "0 examples", "at least one with a counted label");
        if (options.Accumulation < _ranks.Size)
            _ranks.Agree(() => throw new InputException(
                "there are more ranks than a step has micro-batches", "accumulation",
                $"{options.Accumulation} micro-batches for {_ranks.Size} ranks",
                "at least one for each rank",
                $"mpirun -n {options.Accumulation}, or accumulation {_ranks.Size} and a smaller batch_size"));
        int planned = options.Steps(data.Count);
        var schedule = new Schedule(options.Schedule, planned, Schedule.Warmup(options.WarmupRatio, planned));
        using var step = new TrainStep<T>(trainable, objective, rule, options.Step, device, streams, _ranks);
        step.State.PlannedSteps = planned;
        var clock = Stopwatch.StartNew();
        var sums = new Sums(step);
        RequireSame("the ranks do not begin with the same weights", () => $"weights of the norm {Norm():R}");
        checkpoints?.Begin(sums);
        RequireSame("the ranks do not go on from the same checkpoint", () => $"{step.Steps} steps are done");
        foreach (var (epoch, batches) in Batches(data, planned, step.Steps))
        {
            if (_ranks.Any(cancel.IsCancellationRequested))
                break;
            var record = step.Run(schedule.Factor(step.Steps + 1), batches) with { Epoch = epoch };
            if (step.Steps == planned)
                Complete(step.State, batches.Count);
            sums.Add(record);
            Tell(record, sums, onStep, checkpoints);
        }

        checkpoints?.Ended(step.Steps, sums);
        var state = step.State;
        return new(
            step.Steps, planned, sums.LastLoss, clock.Elapsed.TotalSeconds, sums.Tokens, state.Forwards, state.Reverses,
            state.PeakActivationBytes, sums.RuleBytes, step.OptimizerBytes);
    }

    /// <summary>
    /// The rule ends the stage where the last micro-batch was taken, and everybody has the weights that it leaves.
    /// </summary>
    private void Complete(TrainState<T> state, int microBatches)
    {
        int last = (microBatches - 1) % _ranks.Size;
        if (_ranks.Rank == last)
            rule.Complete(state);
        if (_ranks.Size == 1)
            return;
        foreach (var parameter in trainable)
        {
            var values = new T[parameter.Shape.Count];
            device.Download(parameter.Value, values.AsSpan());
            _ranks.Broadcast(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()), last);
            device.Upload<T>(values, parameter.Value);
        }
    }

    private void RequireSame(string what, Func<string> own)
    {
        if (_ranks.Size > 1)
            _ranks.RequireSame(what, own());
    }

    private double Norm() =>
        Math.Sqrt(device.Run(new Kernels.SquaredNorm<T>(), [.. trainable.Select(parameter => parameter.Value)]));

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
    private IEnumerable<(int Epoch, IReadOnlyList<PackedBatch> Batches)> Batches(
        IReadOnlyList<TokenSequence> data, int steps, int done) =>
        new BatchOrder(options, data.Count, steps).Skip(done).Select(step => (
            step.Epoch,
            (IReadOnlyList<PackedBatch>)[.. step.Batches
                .Select(batch => PackedBatch.Pack([.. batch.Select(i => data[i])]))]));

    /// <summary>A training with what is added up over its steps.</summary>
    private sealed class Sums(TrainStep<T> step) : IKeepsState<T>
    {
        public long Tokens { get; private set; }

        public double LastLoss { get; private set; } = double.NaN;

        public long RuleBytes { get; private set; }

        public void Add(StepRecord record) =>
            (Tokens, LastLoss, RuleBytes) = (Tokens + record.Tokens, record.Loss, step.HeldBytes);

        public void Exchange(KeptState<T> state)
        {
            step.Exchange(state);
            Tokens = state.Part("tokens", Tokens);
            LastLoss = state.Part("last_loss", LastLoss);
            RuleBytes = state.Part("rule_bytes", RuleBytes);
        }
    }
}
