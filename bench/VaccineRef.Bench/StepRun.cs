using VaccineRef.Core;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Bench;

/// <summary>
/// VaccineRef at work on a shape: whole steps, from cleared gradients to updated weights, as <c>vaccine bench</c> times
/// them.
/// </summary>
internal sealed class StepRun : IDisposable
{
    private readonly Device _device;
    private readonly Model<float> _model;
    private readonly PackedBatch _batch;
    private readonly TrainStep<float> _step;
    private readonly Plain<float> _plain = new();
    private readonly Vaccine<float> _vaccine;

    /// <param name="shape">The model and the batch.</param>
    /// <param name="threads">Size of the team.</param>
    /// <param name="around">What to put around the processor, if anything: a clock.</param>
    public StepRun(StepShape shape, int threads, Func<CpuDevice, Device>? around = null)
        : this(shape, Device(threads, around))
    {
    }

    /// <param name="shape">The model and the batch.</param>
    /// <param name="device">Where it runs; it is disposed with this.</param>
    /// <param name="recompute">Whether blocks are computed again in the reverse pass.</param>
    public StepRun(StepShape shape, Device device, bool recompute = false)
    {
        _device = device;
        _model = LanguageModel.Create<float>(shape.Config(), _device, RandomStream.FromSeed(1), shape.Kept);
        if (shape.Rank > 0)
            Lora.Attach(
                _model, new AdapterConfig(shape.Rank, 2.0 * shape.Rank, TargetModules.AllLinear),
                RandomStream.FromSeed(2));
        _batch = shape.Batch();
        _vaccine = new Vaccine<float>(new VaccineOptions(Rho), _device);
        var objective = new CrossEntropyObjective<float>(_model.Network);
        _step = new TrainStep<float>(
            _model.Trainable, objective, _plain, new StepOptions(Options, Seed: 3, Recompute: recompute), _device);
    }

    /// <summary>The radius of the perturbation.</summary>
    public static double Rho => 2;

    /// <summary>The optimiser's settings.</summary>
    public static AdamWOptions Options { get; } = new(LearningRate: 1e-4, WeightDecay: 0.1);

    /// <summary>Every weight, the adapter's too.</summary>
    public IEnumerable<Parameter<float>> Parameters => _model.Network.Parameters.Union(_model.Trainable);

    /// <summary>The most bytes of activations, saved values and their gradients at once.</summary>
    public long ActivationBytes => _step.State.Tape.Activations.Peak;

    /// <summary>One optimiser step.</summary>
    /// <param name="vaccine">Two passes instead of one.</param>
    /// <returns>The loss: of the last pass.</returns>
    public double Step(bool vaccine)
    {
        _step.Rule = vaccine ? _vaccine : _plain;
        return _step.Run(_batch).Loss;
    }

    private static Device Device(int threads, Func<CpuDevice, Device>? around)
    {
        var processor = new CpuDevice(threads);
        return around?.Invoke(processor) ?? processor;
    }

    public void Dispose()
    {
        foreach (IDisposable owned in (IDisposable[])[_step, _vaccine, _model, _device])
            owned.Dispose();
    }
}
