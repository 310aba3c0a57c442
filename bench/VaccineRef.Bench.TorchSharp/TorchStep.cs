using VaccineRef.Core;
using VaccineRef.Training;
using static TorchSharp.torch;

namespace VaccineRef.Bench;

/// <summary>Sees what a step does, while it does it.</summary>
internal interface IStepRecord
{
    /// <summary>A pass begins: 1 or 2.</summary>
    void Begin(int pass);

    /// <summary>A hidden embedding before and after it was moved; returns what the model goes on with.</summary>
    Tensor Site(int layer, Tensor raw, Tensor moved);

    /// <summary>A pass has ended, its reverse pass too.</summary>
    void End(double loss);

    /// <summary>The gradient of the step is complete and not yet clipped.</summary>
    void Gradients(IReadOnlyDictionary<string, Tensor> weights);

    /// <summary>The weights are those after the step.</summary>
    void Updated(IReadOnlyDictionary<string, Tensor> weights);
}

/// <summary>
/// libtorch at work on a shape: plain, or Vaccine as its released trainer does it: two full passes, the first with
/// weight gradients that are then dropped.
/// </summary>
internal sealed class TorchStep : IDisposable
{
    private readonly TorchLlama _model;
    private readonly AdamWOptions _options;
    private readonly double _rho, _guard;
    private readonly IStepRecord? _record;
    private readonly Tensor[] _trainable, _m, _v;
    private readonly Tensor _mean;
    private int _step;

    /// <summary>Begins with copies of these weights.</summary>
    public TorchStep(StepShape shape, int threads, IEnumerable<Parameter<float>> parameters)
        : this(new TorchLlama(shape, parameters), StepRun.Options, StepRun.Rho) => set_num_threads(threads);

    /// <summary>Trains a model.</summary>
    /// <param name="model">The model; it is disposed with the step.</param>
    /// <param name="options">The optimiser's settings.</param>
    /// <param name="rho">The radius of the perturbation.</param>
    /// <param name="guard">Keeps a zero gradient from becoming NaN.</param>
    /// <param name="record">Sees every pass and every update.</param>
    public TorchStep(
        TorchLlama model, AdamWOptions options, double rho, double guard = 1e-7, IStepRecord? record = null)
    {
        (_model, _options, _rho, _guard, _record) = (model, options, rho, guard, record);
        _trainable = [.. _model.Trainable];
        _mean = tensor(1 - options.Beta1).to(_trainable[0].dtype);
        (_m, _v) = ([.. _trainable.Select(weight => zeros_like(weight))],
            [.. _trainable.Select(weight => zeros_like(weight))]);
    }

    /// <summary>One optimiser step, from dropped gradients to updated weights.</summary>
    /// <param name="vaccine">Two passes instead of one.</param>
    /// <returns>The loss: of the last pass.</returns>
    public double Step(bool vaccine)
    {
        using var scope = NewDisposeScope();
        DropGradients();
        double loss = vaccine ? Vaccine() : Pass(1, (_, hidden) => hidden);
        _record?.Gradients(_model.Weights);
        using (no_grad())
            Update();
        _record?.Updated(_model.Weights);
        return loss;
    }

    // trainer.py of the release: training_step, after_first_step and _grad_norm.
    private double Vaccine()
    {
        var sites = new Tensor[_model.Layers];
        Pass(1, (layer, hidden) =>
        {
            hidden.retain_grad();
            return sites[layer] = hidden.DetachFromDisposeScope();
        });
        Tensor[] epsilon = [.. sites.Select(hidden => hidden.grad!)];
        foreach (var hidden in sites)
            hidden.Dispose();
        double radius = _rho / (Number(Norm(epsilon)) + _guard);
        foreach (var gradient in epsilon)
            gradient.mul_(radius);
        DropGradients();
        return Pass(2, (layer, hidden) => hidden + epsilon[layer]);
    }

    private double Pass(int number, Func<int, Tensor, Tensor> site)
    {
        using var scope = NewDisposeScope();
        _record?.Begin(number);
        var loss = _model.Loss(_record is null ? site : (layer, raw) => _record.Site(layer, raw, site(layer, raw)));
        loss.backward();
        double value = Number(loss);
        _record?.End(value);
        return value;
    }

    private static double Number(Tensor scalar) => scalar.to(float64).item<double>();

    private void DropGradients()
    {
        foreach (var weight in _trainable)
            weight.grad = null!;
    }

    // clip_grad_norm_ and torch.optim.AdamW, _single_tensor_adamw, with Hugging Face's two groups: vectors do not
    // decay.
    private void Update()
    {
        _step++;
        var options = _options;
        double root = Math.Sqrt(1 - Math.Pow(options.Beta2, _step)),
            rate = options.LearningRate / (1 - Math.Pow(options.Beta1, _step));
        Tensor[] gradients = [.. _trainable.Select(weight => weight.grad!)];
        var clip = (options.MaxGradientNorm / (Norm(gradients) + 1e-6)).clamp(max: 1);
        for (int i = 0; i < gradients.Length; i++)
        {
            using var scope = NewDisposeScope();
            Tensor p = _trainable[i], g = gradients[i], m = _m[i], v = _v[i];
            g.mul_(clip);
            if (p.dim() > 1)
                p.mul_(1 - (options.LearningRate * options.WeightDecay));
            m.lerp_(g, _mean);
            v.mul_(options.Beta2).addcmul_(g, g, 1 - options.Beta2);
            p.addcdiv_(m, v.sqrt().div_(root).add_(options.Epsilon), -rate);
        }
    }

    private static Tensor Norm(IEnumerable<Tensor> parts) => stack([.. parts.Select(part => part.norm())]).norm();

    public void Dispose()
    {
        foreach (var tensor in (Tensor[])[.. _m, .. _v, _mean])
            tensor.Dispose();
        _model.Dispose();
    }
}
