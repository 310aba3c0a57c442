using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Verification.Conform;

/// <summary>
/// The one place of conformance checks that touches tape and model. Dropout is off; every position of the batch is
/// computed, and gradients at sites and of parameters come from one reverse pass.
/// </summary>
internal sealed class ReferenceModel<T> : IReferenceModel where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Device _device;
    private readonly Model<T> _model;
    private readonly Tape<T> _tape;

    /// <summary>Loads a case's model, its adapter attached.</summary>
    /// <param name="folder">The case folder.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="adapterScale">A factor on the adapter's scaling; 1 but for a hypothesis.</param>
    public ReferenceModel(string folder, Device device, double adapterScale = 1)
    {
        _device = device;
        _model = LanguageModel.Load<T>(folder, device);
        _tape = new Tape<T>(device);
        if (File.Exists(Path.Combine(folder, AdapterConfig.FileName)))
            Adapt(folder, adapterScale);
        Trained = Read(_model.Trainable);
        All = Read([.. _model.Network.Parameters, .. _model.Adapter?.Parameters ?? []]);
    }

    public IReadOnlyDictionary<string, Values> Trained { get; }

    public IReadOnlyDictionary<string, Values> All { get; }

    public int Layers => _model.Network.Shape.Layers;

    public IReadOnlyList<(string Weight, WeightLayout Layout)> OutputProjections =>
    [
        .. _model.Network.Linears.Where(layer => layer.Name.Split('.') is [.., var above, var name]
                && (name is "o_proj" or "out_proj" || (name == "c_proj" && above == "attn")))
            .Select(layer => (layer.Weight.Name, layer.Layout)),
    ];

    public void Set(IReadOnlyDictionary<string, Values> weights)
    {
        foreach (var parameter in (IEnumerable<Parameter<T>>)[.. _model.Network.Parameters,
            .. _model.Adapter?.Parameters ?? []])
            if (weights.TryGetValue(parameter.Name, out var values))
                _device.Upload<T>([.. values.Numbers.Select(T.CreateSaturating)], parameter.Value);
    }

    public PassResult Run(PassInput input, IReadOnlyDictionary<Site, Values>? shift = null)
    {
        try
        {
            using var memory = new Arena(_device);
            var tap = new Watch(this, input.Batch, shift, memory);
            var packed = input.Batch.Pack();
            var pass = new Pass<T>(_tape, tap);
            var hidden = _model.Network.Forward(pass, packed);                                  // (N, C)
            var logits = _tape.Apply(new Linear<T>(), [hidden, _tape.Of(_model.Network.Head)]); // (N, V)
            var values = input.Batch.Pad(Download(logits.Value), logits.Shape.Columns);
            var loss = Loss(input, packed, hidden, logits, memory);
            double lossValue = Download(loss.Value)[0];
            var trained = _model.Trainable;
            var leaves = trained.Select(_tape.Of).ToArray();
            var gradients = _tape.Backward(loss, [.. tap.Hidden.Values, .. leaves]);
            return new(
                lossValue, values, tap.Raw,
                tap.Hidden.ToDictionary(
                    entry => entry.Key,
                    entry => input.Batch.Pad(Download(gradients[entry.Value]), entry.Value.Shape.Columns)),
                trained.Zip(leaves).ToDictionary(
                    pair => pair.First.Name,
                    pair => new Values(Download(gradients[pair.Second]), [.. pair.First.Dimensions])));
        }
        finally
        {
            _tape.Clear();
        }
    }

    public void Dispose()
    {
        _tape.Dispose();
        _model.Dispose();
    }

    private void Adapt(string folder, double scale)
    {
        if (scale == 1)
        {
            Lora.Load(_model, folder);
            return;
        }

        var config = AdapterConfig.Read(folder);
        var adapter = Lora.Attach(_model, config with { Alpha = config.Alpha * scale }, RandomStream.FromSeed(0));
        using var file = SafetensorsFile.Open(Path.Combine(folder, "adapter_model.safetensors"));
        Set(adapter.Parameters.ToDictionary(
            parameter => parameter.Name, parameter => Values.Read(file, parameter.Name)));
    }

    /// <summary>
    /// sum_i weight_i (-log p(target_i)), as the product of the weights with the column of token losses.
    /// </summary>
    private Tensor<T> Loss(PassInput input, PackedBatch packed, Tensor<T> hidden, Tensor<T> logits, Arena memory)
    {
        int[] targets = [.. input.Batch.Real.Select(at => input.Targets[at])];
        var losses = _tape.Apply(new CrossEntropy<T>(Reduction.None), [hidden, _tape.Of(_model.Network.Head)], targets);
        var weights = Constant(memory, [.. input.Batch.Real.Select(at => input.Weights[at])], new(1, targets.Length));
        var loss = _tape.Apply(new Linear<T>(WeightLayout.InOut), [weights, losses]);           // (1, N) (N, 1)
        return input.Divergence is { } divergence
            ? _tape.Apply(new Add<T>(divergence.Lambda), [loss, Divergence(input, divergence, packed, logits, memory)])
            : loss;
    }

    /// <summary>
    /// Over the vocabulary: mean over counted tokens. Over time, as released: sum over sequences, divided by their
    /// number.
    /// </summary>
    private Tensor<T> Divergence(
        PassInput input, Divergence divergence, PackedBatch packed, Tensor<T> logits, Arena memory)
    {
        int columns = logits.Shape.Columns;
        input.Batch.Pick(divergence.Teacher, columns, out var picked);
        var teacher = Constant(memory, picked.Numbers, logits.Shape);
        if (divergence.OverTime)
        {
            var terms = _tape.Apply(new KlOverTime<T>(), [logits, teacher], packed.Offsets);
            var mean = _tape.Apply(new Mean<T>(), [terms]);
            return _tape.Apply(new Scale<T>((double)terms.Shape.Count / packed.Sequences), [mean]);
        }

        int[] rows = [.. Enumerable.Range(0, packed.Rows)
            .Where(row => input.Targets[input.Batch.Real[row]] != PackedBatch.Ignored)];
        var gather = new Embedding<T>();
        return _tape.Apply(new Mean<T>(), [_tape.Apply(
            new KlDivergence<T>(), [_tape.Apply(gather, [logits], rows), _tape.Apply(gather, [teacher], rows)])]);
    }

    private Tensor<T> Constant(Arena memory, double[] values, Shape shape) =>
        _tape.Constant(Upload(memory, values, shape));

    private View<T> Upload(Arena memory, double[] values, Shape shape)
    {
        var view = memory.Allocate<T>(shape);
        _device.Upload<T>([.. values.Select(T.CreateSaturating)], view);
        return view;
    }

    private double[] Download(View<T> view)
    {
        var host = new T[view.Shape.Count];
        _device.Download(view, host.AsSpan());
        return [.. host.Select(double.CreateChecked)];
    }

    private Dictionary<string, Values> Read(IEnumerable<Parameter<T>> parameters) => parameters.ToDictionary(
        parameter => parameter.Name, parameter => new Values(Download(parameter.Value), [.. parameter.Dimensions]));

    /// <summary>Reads every site, and moves those that are to be moved.</summary>
    private sealed class Watch(
        ReferenceModel<T> model, PaddedBatch batch, IReadOnlyDictionary<Site, Values>? shift, Arena memory) : ITap<T>
    {
        private readonly Add<T> _add = new();

        public OrderedDictionary<Site, Values> Raw { get; } = [];

        public OrderedDictionary<Site, Tensor<T>> Hidden { get; } = [];

        public bool Keeps(SiteKind kind) => true;

        public Tensor<T> At(Site site, Tensor<T> hidden, Pass<T> pass)
        {
            Raw.Add(site, batch.Pad(model.Download(hidden.Value), hidden.Shape.Columns));
            Hidden.Add(site, hidden);
            if (shift is null || !shift.TryGetValue(site, out var moved))
                return hidden;
            if (batch.Pick(moved, hidden.Shape.Columns, out var packed) is { } wrong)
                throw new InputException("a perturbation does not fit its site", $"{site}", wrong.Problem);
            return pass.Tape.Apply(
                _add, [hidden, pass.Tape.Constant(model.Upload(memory, packed.Numbers, hidden.Shape))]);
        }
    }
}
