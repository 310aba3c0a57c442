using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// What a gradient rule works with: the tape, the trainable parameters with their gradients, the random stream of the run,
/// and how far the run is. The parameters are trainable as long as this lives.
/// </summary>
public sealed class TrainState<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly RandomStream _random;
    private readonly Arena _gradients;

    /// <summary>Makes parameters trainable, with gradients of zero.</summary>
    /// <param name="device">Where they live.</param>
    /// <param name="parameters">The parameters to train.</param>
    /// <param name="seed">The seed of dropout and noise.</param>
    /// <param name="recompute">Computes each block again in the reverse pass instead of keeping it: less memory, the same bits.</param>
    /// <exception cref="InputException">There are no parameters, or they are kept in bfloat16.</exception>
    public TrainState(Device device, IEnumerable<Parameter<T>> parameters, ulong seed, bool recompute = false)
    {
        Trainable = [.. parameters];
        if (Trainable.Count == 0)
            throw new InputException("nothing is trainable", "model", "no parameters", "an adapter, or full parameters");
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

    /// <summary>The parameters that gradients are added to.</summary>
    public IReadOnlyList<Parameter<T>> Trainable { get; }

    /// <summary>The optimiser step under way, from 1.</summary>
    public int Step { get; private set; }

    /// <summary>The micro-batch of the step under way, from 0.</summary>
    public int MicroBatch { get; private set; }

    /// <summary>Forward passes since the run began.</summary>
    public long Forwards { get; private set; }

    /// <summary>Begins the next step: gradients are zero.</summary>
    public void BeginStep()
    {
        Step++;
        MicroBatch = 0;
        foreach (var parameter in Trainable)
            Tape.Device.Clear(parameter.Gradient);
    }

    /// <summary>Begins the next micro-batch of the same step.</summary>
    public void NextMicroBatch() => MicroBatch++;

    /// <summary>A training pass with the random bits of (seed, step, micro-batch, pass).</summary>
    public Pass<T> Pass(ITap<T> tap, int pass = 0) => new(Tape, tap, _random.At(Step).At(MicroBatch).At(pass), Training: true);

    /// <summary>Records and reads the loss of one forward pass.</summary>
    /// <exception cref="NonFiniteException">It is not finite; names the first site that is not.</exception>
    public double Loss(IObjective<T> objective, PackedBatch batch, Pass<T> pass, out Tensor<T> loss)
    {
        Forwards++;
        loss = objective.Loss(pass, batch);
        double value = Read(loss);
        if (!double.IsFinite(value))
            throw new NonFiniteException("the loss", Step, FirstNonFiniteSite(objective, batch, pass), batch.Ids);
        return value;
    }

    /// <summary>One forward pass and one reverse into the trainable parameters; leaves the tape clear.</summary>
    public double Descend(IObjective<T> objective, PackedBatch batch, Pass<T> pass, double scale)
    {
        double value = Loss(objective, batch, pass, out var loss);
        Tape.BackwardToParameters(loss, scale);
        Tape.Clear();
        return value;
    }

    /// <summary>Freezes the parameters and frees their gradients and the tape.</summary>
    public void Dispose()
    {
        foreach (var parameter in Trainable)
            parameter.Freeze();
        Tape.Dispose();
        _gradients.Dispose();
    }

    private double Read(Tensor<T> scalar)
    {
        Span<T> value = [T.Zero];
        Tape.Device.Download(scalar.Value, value);
        return double.CreateChecked(value[0]);
    }

    private string? FirstNonFiniteSite(IObjective<T> objective, PackedBatch batch, Pass<T> pass)
    {
        Tape.Clear();
        var watch = new WatchFinite<T>(pass.Tap);
        objective.Loss(pass with { Tap = watch }, batch);
        Tape.Clear();
        return watch.First?.ToString() ?? "the loss itself";
    }
}

/// <summary>Remembers the first site whose hidden embedding is not finite; otherwise does what the tap under it does.</summary>
internal sealed class WatchFinite<T>(ITap<T> inner) : ITap<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly FirstNonFinite<T> _first = new();

    public Site? First { get; private set; }

    public bool Keeps(SiteKind kind) => inner.Keeps(kind);

    public Tensor<T> At(Site site, Tensor<T> hidden, Pass<T> pass)
    {
        hidden = inner.At(site, hidden, pass);
        if (First is null && pass.Tape.Device.Run(_first, hidden.Value) >= 0)
            First = site;
        return hidden;
    }
}
