using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>Attaches low-rank adapters to models, by PEFT's rules and in PEFT's file format.</summary>
public static class Lora
{
    internal const string WeightsFile = "adapter_model.safetensors", Root = AdapterNames.Root;

    /// <summary>
    /// Attaches a new adapter, with a random A and with B = 0, so that the model computes the same as before. The
    /// model's own weights are frozen.
    /// </summary>
    /// <param name="model">A model without an adapter.</param>
    /// <param name="config">Rank, scaling, dropout and target layers.</param>
    /// <param name="random">The random stream for the matrices A.</param>
    /// <exception cref="InputException">A target matches no layer of the model.</exception>
    public static Lora<T> Attach<T>(Model<T> model, AdapterConfig config, RandomStream random)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        new(model, config, new RandomSource<T>(model.Device, random), AdapterPlan<T>.Made);

    /// <summary>
    /// Attaches the adapter of a folder in PEFT's layout. What its configuration asks for and its weights do not have
    /// is in <see cref="Lora{T}.Warnings"/>.
    /// </summary>
    /// <exception cref="CheckpointException">
    /// The adapter is not a plain LoRA, its tensors do not match its configuration and this model, or it says that it
    /// belongs to another model.
    /// </exception>
    /// <exception cref="InputException">A target matches no layer of the model.</exception>
    public static Lora<T> Load<T>(Model<T> model, string folder) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var config = AdapterConfig.Read(folder);
        using var checkpoint = Checkpoint.Open(Path.Combine(folder, WeightsFile));
        AdapterOrigin.Read(checkpoint)?.Require(model, checkpoint.Path);
        return new(
            model, config, new CheckpointSource<T>(checkpoint, model.Device, $"{Root}."),
            (adapted, asked) => AdapterPlan<T>.Read(adapted, asked, checkpoint));
    }
}

/// <summary>
/// A low-rank adapter (LoRA) on a model: the target layers compute y = W x + b + scaling B A dropout(x). Source: arXiv
/// 2106.09685.
/// </summary>
public sealed class Lora<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Model<T> _model;
    private readonly WeightStore<T> _weights;
    private readonly LowRank<T>[] _pairs;
    private readonly AdapterTables<T> _tables;
    private string? _base;
    private bool _onMerged;                     // whether others were merged into the model before this one was

    internal Lora(
        Model<T> model, AdapterConfig config, IWeightSource<T> source,
        Func<Model<T>, AdapterConfig, AdapterPlan<T>> planning)
    {
        if (model.Adapter is not null)
            throw new InvalidOperationException("The model has an adapter already: detach it first.");
        var plan = planning(model, config);
        _model = model;
        Warnings = plan.Warnings;
        model.Warn(plan.Warnings);
        Config = config with
        {
            FanInFanOut = model.Network.Linears[0].Layout == WeightLayout.InOut,
            BaseModel = config.BaseModel ?? (model.IsAsLoaded ? model.Folder : null),
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

        if (_tables.Parameters.Count > 0)
            _ = Base;                                  // of the tables before they are changed
        _tables.Apply();

        foreach (var parameter in model.Network.Parameters)
            parameter.Freeze();
        foreach (var pair in _pairs)
            pair.Layer.Adapter = pair;
        model.Adapter = this;
    }

    /// <summary>Rank, scaling, dropout and target layers.</summary>
    public AdapterConfig Config { get; }

    /// <summary>The matrices A and B of every target layer, under PEFT's names.</summary>
    public IReadOnlyList<Parameter<T>> Parameters => _weights.Parameters;

    /// <summary>The part of the adapter in each target layer.</summary>
    public IReadOnlyList<LowRank<T>> Pairs => _pairs;

    /// <summary>
    /// What the configuration asks for and the adapter does not do; empty for one that was made here.
    /// </summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>
    /// The identity of the model that the adapter is attached to: <see cref="Model{T}.Identity"/> without it.
    /// </summary>
    public string Base => _base ??= _model.Identity;

    /// <summary>Whether the adapter is now merged into the weights W.</summary>
    public bool IsMerged { get; private set; }

    /// <summary>
    /// Merges the adapter into the weights: W += scaling B A. The model computes the same with less work. Does nothing
    /// if the adapter is merged already.
    /// </summary>
    public void Merge() => Merge(true);

    /// <summary>
    /// Takes the adapter out of the weights again: W -= scaling B A. Each element of W returns to its former value
    /// within eps (|W| + |scaling B A|), because each of the two operations rounds once and the product is the same
    /// both times. Here eps is the machine epsilon, or 2^-8 if W is kept in bfloat16, as with PEFT on a bfloat16 model.
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

    /// <summary>
    /// Writes adapter_config.json and adapter_model.safetensors, which PEFT can load. The metadata of the latter say
    /// which model the adapter belongs to.
    /// </summary>
    /// <param name="folder">A new or empty folder.</param>
    /// <param name="exact">
    /// Whether weights are written in the type that they are computed in, so that reading them gives the same bits;
    /// otherwise in the type that they were read with.
    /// </param>
    /// <param name="baseModel">
    /// What the model is that the adapter belongs to, in words; by default its folder's name.
    /// </param>
    /// <exception cref="InputException">The folder is not empty or cannot be written.</exception>
    public void Save(string folder, bool exact = false, string? baseModel = null) => AtomicFile.WriteFolder(folder, temporary =>
    {
        Config.Write(temporary);
        SafetensorsWriter.Write(
            Path.Combine(temporary, Lora.WeightsFile), [.. _weights.Tensors(exact), .. _tables.Tensors(exact)],
            Origin(baseModel).Metadata());
    });

    /// <summary>Detaches the adapter and frees its memory.</summary>
    public void Dispose()
    {
        Detach();
        _tables.Dispose();
        _weights.Dispose();
    }

    private AdapterOrigin Origin(string? baseModel)
    {
        bool isMixed = _model.IsMerged && !IsMerged && _tables.Parameters.Count == 0;
        string folder = Path.GetFileName(Path.TrimEndingDirectorySeparator(_model.Folder ?? ""));
        return new(
            Base, isMixed ? _model.WeightsIdentity() : Base,
            baseModel ?? (folder.Length > 0 ? folder : "a model that was made in memory"));
    }

    private void Merge(bool merge)
    {
        if (IsMerged == merge)
            return;
        string before = Base;
        if (merge)
            _onMerged = _model.IsMerged;
        foreach (var pair in _pairs)
        {
            pair.AddToWeight(_model.Device, merge ? 1 : -1);
            pair.Layer.Adapter = merge ? null : pair;
        }

        IsMerged = merge;
        if (merge)
            _model.Became(ModelIdentity.Merged(before, Identity()), isMerged: true);
        else
            _model.Became(before, _onMerged);
    }

    private string Identity() => ModelIdentity.Of(Config, [.. Parameters, .. _tables.Parameters], _model.Device);
}
