using static TorchSharp.torch;

namespace VaccineRef.Bench;

/// <summary>Puts what a step does into a trace, through the recorder's explicit calls.</summary>
internal sealed class TorchRecord : IStepRecord
{
    private readonly Dictionary<int, Tensor> _moved = [];
    private int _step;

    /// <summary>The trace so far.</summary>
    public TraceRecorder Trace { get; } = new();

    /// <summary>The next optimizer step begins.</summary>
    public void NextStep() => _step++;

    public void Begin(int pass)
    {
        _moved.Clear();
        Trace.Begin(_step, pass);
    }

    public Tensor Site(int layer, Tensor raw, Tensor moved)
    {
        Trace.Site(layer, Numbers(raw), Numbers(moved), raw.shape);
        moved.retain_grad();
        return _moved[layer] = moved.DetachFromDisposeScope();
    }

    public void End(double loss)
    {
        foreach (var (layer, moved) in _moved)
            Trace.SiteGradient(layer, Numbers(moved.grad!), moved.shape);
        Trace.End(loss);
    }

    public void Gradients(IReadOnlyDictionary<string, Tensor> weights) => Add(weights, after: false);

    public void Updated(IReadOnlyDictionary<string, Tensor> weights) => Add(weights, after: true);

    private void Add(IReadOnlyDictionary<string, Tensor> weights, bool after)
    {
        foreach (var (name, weight) in weights.Where(entry => entry.Value.requires_grad))
            Trace.Parameter(_step, name, Numbers(after ? weight : weight.grad!), after, weight.shape);
    }

    private static double[] Numbers(Tensor tensor) => [.. tensor.detach().to(float64).data<double>()];
}
