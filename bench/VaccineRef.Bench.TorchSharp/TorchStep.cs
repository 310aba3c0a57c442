using VaccineRef.Core;
using static TorchSharp.torch;

namespace VaccineRef.Bench;

/// <summary>
/// libtorch at work on a shape: plain, or Vaccine as its released trainer does it: two full passes, the first with weight gradients
/// that are then dropped.
/// </summary>
internal sealed class TorchStep : IDisposable
{
    private readonly TorchLlama _model;
    private readonly Tensor[] _trainable, _m, _v;
    private readonly Tensor _mean = tensor((float)(1 - StepRun.Options.Beta1));
    private readonly int _layers;
    private int _step;

    /// <summary>Begins with copies of these weights.</summary>
    public TorchStep(StepShape shape, int threads, IEnumerable<Parameter<float>> parameters)
    {
        set_num_threads(threads);
        _layers = shape.Layers;
        _model = new TorchLlama(shape, parameters);
        _trainable = [.. _model.Trainable];
        (_m, _v) = ([.. _trainable.Select(weight => zeros_like(weight))], [.. _trainable.Select(weight => zeros_like(weight))]);
    }

    /// <summary>One optimiser step, from dropped gradients to updated weights.</summary>
    /// <param name="vaccine">Two passes instead of one.</param>
    /// <returns>The loss: of the last pass.</returns>
    public double Step(bool vaccine)
    {
        using var scope = NewDisposeScope();
        DropGradients();
        double loss = vaccine ? Vaccine() : Pass((_, hidden) => hidden);
        using (no_grad())
            Update();
        return loss;
    }

    // trainer.py of the release: training_step, after_first_step and _grad_norm.
    private double Vaccine()
    {
        var sites = new Tensor[_layers];
        Pass((layer, hidden) =>
        {
            hidden.retain_grad();
            return sites[layer] = hidden.DetachFromDisposeScope();
        });
        Tensor[] epsilon = [.. sites.Select(hidden => hidden.grad!)];
        foreach (var hidden in sites)
            hidden.Dispose();
        double radius = StepRun.Rho / (Norm(epsilon).item<float>() + 1e-7);
        foreach (var gradient in epsilon)
            gradient.mul_(radius);
        DropGradients();
        return Pass((layer, hidden) => hidden + epsilon[layer]);
    }

    private double Pass(Func<int, Tensor, Tensor> site)
    {
        using var scope = NewDisposeScope();
        var loss = _model.Loss(site);
        loss.backward();
        return loss.item<float>();
    }

    private void DropGradients()
    {
        foreach (var weight in _trainable)
            weight.grad = null!;
    }

    // clip_grad_norm_ and torch.optim.AdamW, _single_tensor_adamw, with Hugging Face's two groups: vectors do not decay.
    private void Update()
    {
        var options = StepRun.Options;
        _step++;
        double root = Math.Sqrt(1 - Math.Pow(options.Beta2, _step)), rate = options.LearningRate / (1 - Math.Pow(options.Beta1, _step));
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
