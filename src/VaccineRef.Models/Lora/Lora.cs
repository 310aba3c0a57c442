using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>Puts low-rank adapters onto models, by the rules and in the files of PEFT.</summary>
public static class Lora
{
    internal const string WeightsFile = "adapter_model.safetensors", Root = "base_model.model";

    /// <summary>
    /// Attaches a fresh adapter: A random, B zero, so that the model computes what it did. Freezes the model's own
    /// weights.
    /// </summary>
    /// <param name="model">A model without adapter.</param>
    /// <param name="config">Rank, scaling, dropout, targets.</param>
    /// <param name="random">Where A comes from, each by its name.</param>
    /// <exception cref="InputException">A target matches no layer.</exception>
    public static Lora<T> Attach<T>(Model<T> model, AdapterConfig config, RandomStream random)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        new(model, config, new RandomSource<T>(model.Device, random));

    /// <summary>Attaches the adapter of a folder in PEFT's layout.</summary>
    /// <exception cref="CheckpointException">
    /// The adapter is no plain LoRA, or its tensors are not those that its configuration implies for this model.
    /// </exception>
    /// <exception cref="InputException">A target matches no layer.</exception>
    public static Lora<T> Load<T>(Model<T> model, string folder) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var config = AdapterConfig.Read(folder);
        using var checkpoint = Checkpoint.Open(Path.Combine(folder, WeightsFile));
        return new(model, config, new CheckpointSource<T>(checkpoint, model.Device, $"{Root}."));
    }
}

/// <summary>
/// A low-rank adapter on a model: y = W x + b + scaling B A dropout(x) in the targeted layers. Source: arXiv
/// 2106.09685.
/// </summary>
public sealed class Lora<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Model<T> _model;
    private readonly WeightStore<T> _weights;
    private readonly LowRank<T>[] _pairs;

    internal Lora(Model<T> model, AdapterConfig config, IWeightSource<T> source)
    {
        if (model.Adapter is not null)
            throw new InvalidOperationException("The model has an adapter already: detach it first.");
        var layers = Targeted(model, config);
        _model = model;
        _weights = new(model.Device, source);
        Config = config with
        {
            FanInFanOut = layers[0].Layout == WeightLayout.InOut,
            BaseModel = config.BaseModel ?? model.Folder,
        };
        try
        {
            var root = new Weights<T>(_weights).At(Lora.Root);
            _pairs = [.. layers.Select(layer => new LowRank<T>(layer, Config, root.At(layer.Name)))];
            _weights.Finish();
        }
        catch
        {
            _weights.Dispose();
            throw;
        }

        foreach (var parameter in model.Network.Parameters)
            parameter.Freeze();
        foreach (var pair in _pairs)
            pair.Layer.Adapter = pair;
        model.Adapter = this;
    }

    /// <summary>Rank, scaling, dropout, targets.</summary>
    public AdapterConfig Config { get; }

    /// <summary>A and B of every layer, under PEFT's names.</summary>
    public IReadOnlyList<Parameter<T>> Parameters => _weights.Parameters;

    /// <summary>The adapted layers' shares.</summary>
    public IReadOnlyList<LowRank<T>> Pairs => _pairs;

    /// <summary>Whether the product is part of W now.</summary>
    public bool IsMerged { get; private set; }

    /// <summary>
    /// W += scaling B A: the same model without the adapter's extra work. Nothing where it is merged already.
    /// </summary>
    public void Merge() => Merge(true);

    /// <summary>
    /// W -= scaling B A. Each element of W comes back to within eps (|W| + |scaling B A|), eps the unit in the last
    /// place at 1: one rounding going and one coming, since both times the same product is formed. Where W is kept in bfloat16, eps
    /// is 2^-8, as for PEFT on a bfloat16 model.
    /// </summary>
    public void Unmerge() => Merge(false);

    /// <summary>Takes the adapter off the model. What is merged stays merged. The model stays frozen.</summary>
    public void Detach()
    {
        foreach (var pair in _pairs)
            pair.Layer.Adapter = null;
        if (_model.Adapter == this)
            _model.Adapter = null;
    }

    /// <summary>Writes adapter_config.json and adapter_model.safetensors: PEFT loads them.</summary>
    /// <param name="folder">A new or empty folder.</param>
    /// <exception cref="InputException">The folder holds something or cannot be written.</exception>
    public void Save(string folder) => AtomicFile.WriteFolder(folder, temporary =>
    {
        Config.Write(temporary);
        SafetensorsWriter.Write(Path.Combine(temporary, Lora.WeightsFile), _weights.Tensors());
    });

    /// <summary>Detaches it and gives its memory back.</summary>
    public void Dispose()
    {
        Detach();
        _weights.Dispose();
    }

    private void Merge(bool merge)
    {
        if (IsMerged == merge)
            return;
        foreach (var pair in _pairs)
        {
            pair.AddToWeight(_model.Device, merge ? 1 : -1);
            pair.Layer.Adapter = merge ? null : pair;
        }

        IsMerged = merge;
    }

    private static LinearLayer<T>[] Targeted(Model<T> model, AdapterConfig config)
    {
        var linears = model.Network.Linears;
        var layers = linears.Where(layer => config.Adapts(layer.Name)).ToArray();
        string[] idle =
        [
            .. config.Targets.Names.Where(name => !linears.Any(layer => TargetModules.Named(name).Match(layer.Name))),
        ];
        if (idle.Length == 0 && layers.Length > 0)
            return layers;
        throw new InputException(
            "an adapter's target matches no layer", AdapterConfig.FileName + ", key target_modules",
            idle.Length > 0 ? string.Join(", ", idle) : config.Targets.ToString(),
            string.Join(", ", linears.Select(layer => layer.Name[(layer.Name.LastIndexOf('.') + 1)..]).Distinct()));
    }
}
