using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// What a gradient rule works with: the tape, the trainable parameters with their gradients, the random stream of the
/// run, and how far the run is. The parameters are trainable as long as this lives.
/// </summary>
public sealed class TrainState<T> : IKeepsState<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly HashSet<Parameter<T>> _held = [];
    private readonly StepStreams _streams = new(NoStreams);
    private readonly RandomStream _random;
    private readonly Arena _gradients;
    // passes that all ranks take alike, and those of other ranks
    private (long Forwards, long Reverses) _shared;
    private bool _together;
    // of the part of the run that went before a stop, and of other ranks
    private long _reversedBefore, _peakBefore;

    /// <summary>Makes parameters trainable, with gradients of zero.</summary>
    /// <param name="device">Where they live.</param>
    /// <param name="parameters">The parameters to train.</param>
    /// <param name="seed">The seed of dropout and noise.</param>
    /// <param name="recompute">Whether blocks are computed again in the reverse pass instead of kept in memory.</param>
    /// <exception cref="InputException">There are no parameters, or they are kept in bfloat16.</exception>
    public TrainState(Device device, IEnumerable<Parameter<T>> parameters, ulong seed, bool recompute = false)
    {
        Trainable = [.. parameters];
        if (Trainable.Count == 0)
            throw new InputException(
                "nothing is trainable", "model", "no parameters", "an adapter, or full parameters");
        _gradients = new Arena(device);
        Tape = new Tape<T>(device) { Recompute = recompute };
        _random = RandomStream.FromSeed(seed);
        try
        {
            foreach (var parameter in Trainable)
                parameter.Train(_gradients);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The tape on which passes are recorded.</summary>
    public Tape<T> Tape { get; }

    /// <summary>The parameters that are trained.</summary>
    public IReadOnlyList<Parameter<T>> Trainable { get; }

    /// <summary>No data beside the batches.</summary>
    internal static IReadOnlyDictionary<string, BatchStream> NoStreams { get; } = new Dictionary<string, BatchStream>();

    /// <summary>The data beside the batches, by name; empty where the rule needs none.</summary>
    public IReadOnlyDictionary<string, BatchStream> Streams
    {
        get => _streams.All;
        init => _streams = new(value);
    }

    /// <summary>Number of optimizer steps of the whole run; 0 where nobody knows it.</summary>
    public int PlannedSteps { get; set; }

    /// <summary>The ranks among which the micro-batches of each step are divided.</summary>
    public ICommunicator Ranks { get; init; } = Alone.Only;

    /// <summary>The number of the current optimizer step, from 1.</summary>
    public int Step { get; private set; }

    /// <summary>
    /// The number of the current micro-batch within the step, from 0: the same whichever rank takes it.
    /// </summary>
    public int MicroBatch { get; private set; }

    /// <summary>Number of forward passes so far.</summary>
    public long Forwards { get; private set; }

    /// <summary>Number of reverse passes so far.</summary>
    public long Reverses => _reversedBefore + Tape.Reversed;

    /// <summary>The most memory that activations and their gradients needed at once so far, in bytes.</summary>
    public long PeakActivationBytes => Math.Max(_peakBefore, Tape.Activations.Peak);

    /// <summary>Begins the next step: sets all gradients to zero and lets go of all parameters.</summary>
    public void BeginStep()
    {
        Step++;
        MicroBatch = 0;
        _held.Clear();
        _streams.Begin();
        Remembered.Begin();
        ClearGradients();
    }

    /// <summary>Begins the next micro-batch of the same step.</summary>
    public void NextMicroBatch() => MicroBatch++;

    /// <summary>Goes to a micro-batch of the same step.</summary>
    internal void GoTo(int microBatch) => MicroBatch = microBatch;

    /// <summary>
    /// Does what concerns the whole step and not one micro-batch, such as a choice of layers: every rank does it alike,
    /// as if it belonged to the first micro-batch, and its passes count once.
    /// </summary>
    public void Together(Action work)
    {
        int before = MicroBatch;
        var (forwards, reverses) = OwnPasses;
        (MicroBatch, _together) = (0, true);
        try
        {
            work();
        }
        finally
        {
            (MicroBatch, _together) = (before, false);
            _shared = (Forwards - forwards, Reverses - reverses);
        }
    }

    /// <summary>Sets every gradient to zero.</summary>
    internal void ClearGradients()
    {
        foreach (var parameter in Trainable)
            Tape.Device.Clear(parameter.Gradient);
    }

    /// <summary>What the objective remembers of this rank's passes, until all ranks know it.</summary>
    internal RememberedPasses Remembered { get; } = new();

    /// <summary>The passes that this rank took for its own micro-batches.</summary>
    internal (long Forwards, long Reverses) OwnPasses => (Forwards - _shared.Forwards, Reverses - _shared.Reverses);

    /// <summary>Counts the passes that other ranks took, and the memory that they needed.</summary>
    internal void Count(long forwards, long reverses, long peak)
    {
        Forwards += forwards;
        _reversedBefore += reverses;
        _shared = (_shared.Forwards + forwards, _shared.Reverses + reverses);
        _peakBefore = Math.Max(_peakBefore, peak);
    }

    /// <summary>The streams of which micro-batches of this step took batches.</summary>
    internal IReadOnlyCollection<string> Taken => _streams.Taken;

    /// <inheritdoc cref="StepStreams.End"/>
    internal void EndStep(int microBatches, IEnumerable<string> taken) => _streams.End(microBatches, taken);

    /// <summary>
    /// Holds a parameter until the step ends: no gradient is formed for it, and the optimizer leaves it and its state
    /// as they are.
    /// </summary>
    public void Hold(Parameter<T> parameter) => _held.Add(parameter);

    /// <summary>Whether a parameter is held in this step.</summary>
    public bool IsHeld(Parameter<T> parameter) => _held.Count > 0 && _held.Contains(parameter);

    /// <summary>
    /// The next batch of a stream. Where the micro-batches of a step are divided among ranks, each takes the one that
    /// it would take if there were no other ranks: one for each micro-batch.
    /// </summary>
    /// <exception cref="InputException">There is no such stream.</exception>
    public PackedBatch Next(string stream) =>
        Ranks.Size > 1 && !_together ? _streams.At(stream, MicroBatch) : Require(stream).Next();

    /// <summary>A stream of data beside the batches.</summary>
    /// <exception cref="InputException">There is no such stream.</exception>
    public BatchStream Require(string stream) => _streams.Require(stream);

    /// <summary>Random numbers of the current step for a choice of the rule.</summary>
    public RandomStream Draws(string name) => _random.At(Step).At(name);

    /// <summary>A training pass. Two passes of a micro-batch with the same number see the same dropout masks.</summary>
    public Pass<T> Pass(ITap<T> tap, int pass = 0) =>
        new(Tape, tap, _random.At(Step).At(MicroBatch).At(pass), Training: true);

    /// <summary>Runs one forward pass and returns its loss, as a number and as a tensor on the tape.</summary>
    /// <exception cref="NonFiniteException">
    /// The loss is not finite. The message names the first site that is not.
    /// </exception>
    public double Loss(IObjective<T> objective, PackedBatch batch, Pass<T> pass, out Tensor<T> loss)
    {
        Forwards++;
        loss = objective.Loss(pass, batch);
        if (Ranks.Size > 1 && !_together && objective is IRemembersPasses remembering)
            Remembered.Take(remembering, MicroBatch);
        double value = Tape.Read(loss);
        if (!double.IsFinite(value))
            throw new NonFiniteException("the loss", Step, WatchFinite<T>.FirstSite(objective, batch, pass), batch.Ids);
        return value;
    }

    /// <summary>Runs a forward pass and a reverse pass, adds scale times the gradient, and clears the tape.</summary>
    /// <returns>The loss.</returns>
    /// <inheritdoc cref="Loss" path="/exception"/>
    public double Descend(IObjective<T> objective, PackedBatch batch, Pass<T> pass, double scale)
    {
        double value = Loss(objective, batch, pass, out var loss);
        Reverse(loss, scale);
        return value;
    }

    /// <summary>Runs a forward pass without a loss, and returns what enters the head in some rows.</summary>
    public Tensor<T> Hidden(IObjective<T> objective, PackedBatch batch, Pass<T> pass, int[] rows)
    {
        Forwards++;
        return objective.Hidden(pass, batch, rows);
    }

    /// <summary>
    /// Runs a reverse pass from a term of the loss that a rule made, adds scale times the gradient, and clears the
    /// tape.
    /// </summary>
    /// <param name="term">A scalar on the tape.</param>
    /// <param name="scale">The factor of its gradient.</param>
    /// <param name="name">What the term is, for the error.</param>
    /// <param name="batch">What it was computed from.</param>
    /// <returns>The term.</returns>
    /// <exception cref="NonFiniteException">The term is not finite.</exception>
    public double Descend(Tensor<T> term, double scale, string name, PackedBatch batch)
    {
        double value = Tape.Read(term);
        if (!double.IsFinite(value))
            throw new NonFiniteException(name, Step, null, batch.Ids);
        Reverse(term, scale);
        return value;
    }

    /// <summary>
    /// Runs a forward pass and a reverse pass, and writes the gradient into a vector of its own; those of the step stay
    /// as they are.
    /// </summary>
    /// <returns>The loss.</returns>
    /// <inheritdoc cref="Loss" path="/exception"/>
    public double Gradient(IObjective<T> objective, PackedBatch batch, Pass<T> pass, ParameterVector<T> gradient)
    {
        gradient.Clear(Trainable);
        double value = Loss(objective, batch, pass, out var loss);
        Tape.BackwardToParameters(loss, 1, gradient.Of);
        Tape.Clear();
        return value;
    }

    /// <inheritdoc/>
    public void Exchange(KeptState<T> state)
    {
        Step = state.Part("step", Step);
        Forwards = state.Part("forwards", Forwards);
        _reversedBefore = state.Part("reverses", Reverses) - Tape.Reversed;
        _peakBefore = state.Part("peak_activation_bytes", PeakActivationBytes);
        foreach (var parameter in Trainable)
            state.Part($"parameter.{parameter.Name}", parameter.Value);
        foreach (var (name, stream) in Streams)
            stream.Exchange(state.Within($"stream.{name}"));
    }

    private void Reverse(Tensor<T> loss, double scale)
    {
        Tape.BackwardToParameters(
            loss, scale, _held.Count == 0 ? null : parameter => IsHeld(parameter) ? default : parameter.Gradient);
        Tape.Clear();
    }

    /// <summary>Freezes the parameters and frees their gradients and the tape.</summary>
    public void Dispose()
    {
        foreach (var parameter in Trainable)
            parameter.Freeze();
        Tape.Dispose();
        _gradients.Dispose();
    }
}
