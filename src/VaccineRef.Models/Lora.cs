using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>Puts low-rank adapters onto models, by the rules and in the files of PEFT.</summary>
public static class Lora
{
    internal const string WeightsFile = "adapter_model.safetensors", Root = AdapterNames.Root;

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
        new(model, config, new RandomSource<T>(model.Device, random), AdapterPlan<T>.Made);

    /// <summary>
    /// Attaches the adapter of a folder in PEFT's layout. What its configuration asks for and its weights do not have is
    /// in <see cref="Lora{T}.Warnings"/>.
    /// </summary>
    /// <exception cref="CheckpointException">
    /// The adapter is no plain LoRA, or its tensors are not those that its configuration implies for this model.
    /// </exception>
    /// <exception cref="InputException">A target matches no layer.</exception>
    public static Lora<T> Load<T>(Model<T> model, string folder) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var config = AdapterConfig.Read(folder);
        using var checkpoint = Checkpoint.Open(Path.Combine(folder, WeightsFile));
        return new(
            model, config, new CheckpointSource<T>(checkpoint, model.Device, $"{Root}."),
            (adapted, asked) => AdapterPlan<T>.Read(adapted, asked, checkpoint));
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
    private readonly AdapterTables<T> _tables;

    internal Lora(
        Model<T> model, AdapterConfig config, IWeightSource<T> source,
        Func<Model<T>, AdapterConfig, AdapterPlan<T>> planning)
    {
        if (model.Adapter is not null)
            throw new InvalidOperationException("The model has an adapter already: detach it first.");
        var plan = planning(model, config);
        _model = model;
        Warnings = plan.Warnings;
        Config = config with
        {
            FanInFanOut = model.Network.Linears[0].Layout == WeightLayout.InOut,
            BaseModel = config.BaseModel ?? model.Folder,
        };
        _weights = new(model.Device, source);
        try
        {
            var root = new Weights<T>(_weights).At(Lora.Root);
            _pairs =
            [
                .. plan.Layers.Select(layer => new LowRank<T>(layer, Config.For(layer.Name), root.At(layer.Name))),
            ];
            _tables = new(model.Device, plan, Config, source);
            _weights.Finish();
        }
        catch
        {
            _tables?.Dispose();
            _weights.Dispose();
            throw;
        }

        _tables.Apply();

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

    /// <summary>What the configuration asks for and the adapter does not do; empty for one that was made here.</summary>
    public IReadOnlyList<string> Warnings { get; }

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

    /// <summary>
    /// Takes the adapter off the model. What is merged stays merged, and so do tensors that the adapter replaced; where
    /// it is not merged, these come back. The model stays frozen.
    /// </summary>
    public void Detach()
    {
        if (!IsMerged)
            _tables.Restore();
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
        SafetensorsWriter.Write(Path.Combine(temporary, Lora.WeightsFile), [.. _weights.Tensors(), .. _tables.Tensors()]);
    });

    /// <summary>Detaches it and gives its memory back.</summary>
    public void Dispose()
    {
        Detach();
        _tables.Dispose();
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
}
