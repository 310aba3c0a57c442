using System.Diagnostics;
using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// Trains parameters one optimizer step at a time: gradients by a rule on an objective, clipping, the optimizer. Owns
/// everything that a step needs beside the weights. The parameters are trainable as long as this lives.
/// <code>
/// using var step = new TrainStep&lt;float&gt;(model.Trainable, objective, rule, new StepOptions(new
/// AdamWOptions(1e-4)), device); foreach (var batch in batches)
///     Console.WriteLine(step.Run(batch).Loss);
/// </code>
/// </summary>
public sealed class TrainStep<T> : IKeepsState<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly StepOptions _options;
    private readonly IObjective<T> _objective;
    private readonly Optimizer<T> _optimizer;
    private readonly GradientSum<T> _sum;

    /// <summary>Makes the parameters trainable, with gradients and an optimizer state of zero.</summary>
    /// <param name="parameters">The parameters to train.</param>
    /// <param name="objective">What is minimised.</param>
    /// <param name="rule">How a batch becomes gradients.</param>
    /// <param name="options">The settings.</param>
    /// <param name="device">Where the parameters live.</param>
    /// <param name="streams">Data beside the batches, by name, for a rule that needs it.</param>
    /// <param name="ranks">
    /// Among whom the micro-batches of each step are divided; nobody if it is null. Every rank is given all
    /// micro-batches and has the same parameters, and all have the same ones after a step.
    /// </param>
    /// <exception cref="InputException">There are no parameters, or they are kept in bfloat16.</exception>
    public TrainStep(
        IReadOnlyList<Parameter<T>> parameters, IObjective<T> objective, IGradientRule<T> rule, StepOptions options,
        Device device,
        IReadOnlyDictionary<string, BatchStream>? streams = null, ICommunicator? ranks = null)
    {
        (_objective, _options, Rule) = (objective, options, rule);
        State = new TrainState<T>(device, parameters, options.Seed, options.Recompute)
        {
            Streams = streams ?? TrainState<T>.NoStreams,
            Ranks = ranks ?? Alone.Only,
        };
        _sum = new(State, options.Reduction);
        try
        {
            _optimizer = new Optimizer<T>(parameters, options.Optimizer, device);
        }
        catch
        {
            State.Dispose();
            throw;
        }
    }

    /// <summary>How a batch becomes gradients. May be exchanged between steps.</summary>
    public IGradientRule<T> Rule { get; set; }

    /// <summary>Tape, gradients and counters: what a rule works with.</summary>
    public TrainState<T> State { get; }

    /// <summary>
    /// Bytes that the rule and the sum of the micro-batches hold beside the model, the gradients and the tape.
    /// </summary>
    public long HeldBytes => Rule.StateBytes + _sum.Bytes;

    /// <summary>Bytes that the optimizer keeps beside the parameters and their gradients.</summary>
    public long OptimizerBytes => _optimizer.StateBytes;

    /// <summary>Steps done so far.</summary>
    public int Steps => State.Step;

    /// <summary>Takes one optimizer step on one or several micro-batches.</summary>
    /// <returns>What the step did; its epoch is left at 1.</returns>
    /// <exception cref="NonFiniteException">A loss or gradient is not finite; the weights are unchanged.</exception>
    public StepRecord Run(params IReadOnlyList<PackedBatch> batches) => Run(1, batches);

    /// <summary>
    /// Takes one optimizer step with the learning rate multiplied by <paramref name="factor"/> (a schedule).
    /// </summary>
    /// <inheritdoc cref="Run(IReadOnlyList{PackedBatch})"/>
    public StepRecord Run(double factor, params IReadOnlyList<PackedBatch> batches)
    {
        long start = Stopwatch.GetTimestamp();
        var report = Accumulate(batches);
        double norm = _optimizer.GradientNorm();
        if (!double.IsFinite(norm))
            State.Ranks.Agree(() => throw new NonFiniteException(
                "a gradient", State.Step, _optimizer.FirstNonFinite(), [.. batches.SelectMany(batch => batch.Ids)]));
        double rate = _optimizer.Step(State.Step, norm, factor, State.IsHeld);
        return new(
            State.Step, Epoch: 1, report.Loss, report.CleanLoss, norm, rate, report.SiteGradientNorm,
            report.PerturbationNorm,
            batches.Sum(batch => batch.Rows), Stopwatch.GetElapsedTime(start).TotalSeconds)
        {
            Scalars = report.Scalars,
        };
    }

    /// <summary>
    /// Only computes the gradients of the micro-batches: each from zero, added up in their order. The weights stay.
    /// </summary>
    /// <returns>Losses weighted over the micro-batches, norms and scalars of the last one.</returns>
    /// <exception cref="InputException">The rule cannot be divided among ranks.</exception>
    /// <exception cref="NonFiniteException">A loss is not finite.</exception>
    public RuleReport Accumulate(params IReadOnlyList<PackedBatch> batches)
    {
        var ranks = State.Ranks;
        if (ranks.Size > 1 && Rule.Undivided is { } reason)
            ranks.Agree(() => throw new InputException(
                $"the rule {Rule.Name} cannot be divided among ranks", "rule", $"{ranks.Size} ranks: {reason}",
                "one rank",
                "run it without mpirun, or with another rule"));
        State.BeginStep();
        var step = new StepBatches(batches, _options.Weight, ranks.Rank, ranks.Size);
        var passes = State.OwnPasses;
        Rule.Survey(_objective, step, State);
        double loss = 0, clean = 0;
        RuleReport last = default;
        for (int first = 0; first < batches.Count; first += ranks.Size)
        {
            int present = Math.Min(ranks.Size, batches.Count - first);
            var reports = Round(step, first, present, ref passes);
            for (int i = 0; i < present; i++)
            {
                last = reports[i];
                loss += step.Scale(first + i) * last.Loss;
                clean += step.Scale(first + i) * (last.CleanLoss ?? 0);
            }

            _sum.Add(present, isFirst: first == 0, isLast: first + present == batches.Count);
        }

        return last with { Loss = loss, CleanLoss = last.CleanLoss is null ? null : clean };
    }

    /// <summary>
    /// One micro-batch on each rank, as far as there are so many. Gives what the rule reports of each, in order.
    /// </summary>
    private RuleReport[] Round(StepBatches step, int first, int present, ref (long Forwards, long Reverses) passes)
    {
        RuleReport Take()
        {
            int own = first + step.Rank;
            State.GoTo(own);
            return Rule.Accumulate(_objective, step.All[own], State, step.Scale(own));
        }

        if (step.Ranks == 1)
            return [Take()];
        var before = passes;
        byte[][] parts = State.Ranks.Share(() =>
        {
            if (step.Rank >= present)
                return [];
            var report = Take();
            var own = State.OwnPasses;
            return new MicroBatchReport(
                report, own.Forwards - before.Forwards, own.Reverses - before.Reverses, State.PeakActivationBytes,
                State.Taken).ToBytes();
        });
        MicroBatchReport[] all = [.. parts.Take(present).Select(MicroBatchReport.Of)];
        passes = State.OwnPasses;
        foreach (var (rank, each) in all.Index())
            State.Count(
                rank == step.Rank ? 0 : each.Forwards, rank == step.Rank ? 0 : each.Reverses, each.Peak);
        if (first + present < step.All.Count)
            return [.. all.Select(each => each.Report)];
        State.EndStep(step.All.Count, all[0].Taken);
        if (_objective is IRemembersPasses remembering)
            RememberedPasses.Put(remembering, State.Ranks.Share(State.Remembered.ToBytes));
        return [.. all.Select(each => each.Report)];
    }

    /// <summary>
    /// Parameters, optimizer state, counters, places in the streams, and what the rule and the objective remember: with
    /// them, and made in the same way, another instance takes the same next step bit for bit.
    /// </summary>
    public void Exchange(KeptState<T> state)
    {
        state = state.Of(State.Trainable);
        State.Exchange(state);
        _optimizer.Exchange(state.Within(_options.Optimizer.Name()));
        (Rule as IKeepsState<T>)?.Exchange(state.Within("rule"));
        (_objective as IKeepsState<T>)?.Exchange(state.Within("objective"));
    }

    /// <summary>
    /// Frees what the steps needed and freezes the parameters. The rule and the objective are the caller's.
    /// </summary>
    public void Dispose()
    {
        _optimizer.Dispose();
        _sum.Dispose();
        State.Dispose();
    }
}
