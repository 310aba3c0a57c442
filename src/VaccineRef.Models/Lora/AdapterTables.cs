using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// What an adapter changes beside its linear layers: the model's own tensors that it replaces or adds a product to.
/// They are changed in place while the adapter is attached, are not trained, and come back bit for bit when it is taken
/// off.
/// </summary>
internal sealed class AdapterTables<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Device _device;
    private readonly WeightStore<T> _weights;
    private readonly List<(Parameter<T> Of, Parameter<T> Saved)> _replaced = [];
    private readonly List<(TablePair<T> Pair, double Scaling, Parameter<T> A, Parameter<T> B)> _pairs = [];
    private readonly Dictionary<Parameter<T>, Array> _originals = [];

    /// <summary>Asks the source for the tensors.</summary>
    public AdapterTables(Device device, AdapterPlan<T> plan, AdapterConfig config, IWeightSource<T> source)
    {
        _device = device;
        _weights = new(device, source);
        try
        {
            var root = new Weights<T>(_weights);
            foreach (var (name, parameter) in plan.Saved)
            {
                int[] dimensions = [.. parameter.Dimensions.Select(extent => (int)extent)];
                if (_replaced.FirstOrDefault(other => other.Of == parameter) is { Saved: { } first })
                    _weights.Tie(name, first);                         // a tied table under both its names
                else
                    _replaced.Add((parameter, root.Get(name, dimensions, Initializer.Zero)));
            }

            foreach (var pair in plan.Tables)
            {
                var own = config.For(pair.Module);
                var (inputs, outputs) = pair.Layout == WeightLayout.OutIn
                    ? (pair.Table.Shape.Columns, pair.Table.Shape.Rows)
                    : (pair.Table.Shape.Rows, pair.Table.Shape.Columns);
                _pairs.Add((
                    pair, own.Scaling, root.Get(pair.Names.A, [own.Rank, inputs], Initializer.Zero),
                    root.Get(pair.Names.B, [outputs, own.Rank], Initializer.Zero)));
            }
        }
        catch
        {
            _weights.Dispose();
            throw;
        }
    }

    /// <summary>The tensors.</summary>
    public IReadOnlyList<Parameter<T>> Parameters => _weights.Parameters;

    /// <summary>The tensors as they are saved.</summary>
    public IReadOnlyList<TensorData> Tensors(bool exact = false) => _weights.Tensors(exact);

    /// <summary>Changes the model.</summary>
    public void Apply()
    {
        foreach (var (parameter, saved) in _replaced)
            Change(parameter, wide =>
            {
                var values = new T[saved.Shape.Count];
                _device.Download(saved.Value, values);
                _device.Upload<T>(values, wide);
            });
        foreach (var (pair, scaling, a, b) in _pairs)
            Change(pair.Table, wide => _device.Run(new AddProduct<T>(scaling, pair.Layout), wide, b.Value, a.Value));
    }

    /// <summary>Changes the model back. Nothing where it was not changed.</summary>
    public void Restore()
    {
        foreach (var (parameter, values) in _originals)
        {
            if (values is ushort[] bits)
                _device.Upload<ushort>(bits, parameter.Compact);
            else
                _device.Upload<T>((T[])values, parameter.Value);
        }
        _originals.Clear();
    }

    /// <inheritdoc/>
    public void Dispose() => _weights.Dispose();

    private void Change(Parameter<T> parameter, Action<View<T>> change)
    {
        if (!_originals.ContainsKey(parameter))
            _originals[parameter] = Original(parameter);
        if (!parameter.IsCompact)
        {
            change(parameter.Value);
            return;
        }

        using var room = new Arena(_device);
        var wide = room.Allocate<T>(parameter.Shape);
        HostWindows.Copy(_device, parameter, wide);
        change(wide);
        _device.Run(new NarrowToBFloat16<T>(parameter.Compact), wide);
    }

    private Array Original(Parameter<T> parameter)
    {
        if (parameter.IsCompact)
        {
            var bits = new ushort[parameter.Shape.Count];
            _device.Download(parameter.Compact, bits);
            return bits;
        }

        var values = new T[parameter.Shape.Count];
        _device.Download(parameter.Value, values);
        return values;
    }
}
