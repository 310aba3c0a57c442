using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// The parameters of one checkpoint: their memory, and under which names and types they are written back.
/// </summary>
/// <param name="device">Where they live.</param>
/// <param name="source">Where their values come from.</param>
/// <param name="matrices">How the weights of linear layers are kept.</param>
public sealed class WeightStore<T>(Device device, IWeightSource<T> source, WeightPrecision matrices = WeightPrecision.Full) : IDisposable
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Arena _arena = new(device);
    private readonly List<Parameter<T>> _parameters = [];
    private readonly List<(StoredAs Stored, Parameter<T> Parameter)> _tensors = [];

    /// <summary>All parameters in the order in which the model asked for them.</summary>
    public IReadOnlyList<Parameter<T>> Parameters => _parameters;

    /// <summary>Bytes that the parameters take.</summary>
    public long Bytes => _arena.InUse;

    /// <summary>A new parameter with values from the source. One or two dimensions; a vector becomes a row.</summary>
    public Parameter<T> Get(string name, ReadOnlySpan<int> dimensions, Start start)
    {
        var shape = dimensions.Length == 1 ? Shape.Vector(dimensions[0]) : new Shape(dimensions[0], dimensions[1]);
        long[] extents = dimensions.Length == 1 ? [dimensions[0]] : [dimensions[0], dimensions[1]];
        source.Expect(name, extents);
        var parameter = new Parameter<T>(name, _arena.Allocate<T>(shape), extents);
        return Add(parameter, source.Fill(name, extents, start, parameter.Value));
    }

    /// <summary>The weight of a linear layer: compact, where this store keeps such weights so.</summary>
    public Parameter<T> Matrix(string name, ReadOnlySpan<int> dimensions, Start start)
    {
        if (matrices == WeightPrecision.Full)
            return Get(name, dimensions, start);
        using var room = new Arena(device);
        var shape = new Shape(dimensions[0], dimensions[1]);
        long[] extents = [dimensions[0], dimensions[1]];
        source.Expect(name, extents);
        var wide = room.Allocate<T>(shape);
        var stored = source.Fill(name, extents, start, wide);
        var parameter = new Parameter<T>(name, _arena.Allocate<ushort>(shape), extents);
        device.Run(new NarrowToBFloat16<T>(parameter.Compact), wide);
        return Add(parameter, stored);
    }

    /// <inheritdoc cref="IWeightSource{T}.Tie"/>
    public void Tie(string name, Parameter<T> to)
    {
        if (source.Tie(name, to) is { } stored)
            _tensors.Add((stored, to));
    }

    /// <inheritdoc cref="IWeightSource{T}.Finish"/>
    public void Finish() => source.Finish();

    /// <summary>The tensors to be written: names and types as they were read.</summary>
    public IReadOnlyList<TensorData> Tensors() =>
    [
        .. _tensors.Select(tensor => TensorData.Floats<T>(
            tensor.Stored.Name, tensor.Stored.Type, [.. tensor.Parameter.Dimensions],
            () => Download(tensor.Parameter))),
    ];

    /// <inheritdoc/>
    public void Dispose() => _arena.Dispose();

    private Parameter<T> Add(Parameter<T> parameter, StoredAs stored)
    {
        _tensors.Add((stored, parameter));
        _parameters.Add(parameter);
        return parameter;
    }

    private ReadOnlySpan<T> Download(Parameter<T> parameter)
    {
        if (parameter.IsCompact)
            return CompactWeight.Read<T>(device, parameter.Compact);
        var host = new T[parameter.Shape.Count];
        device.Download(parameter.Value, host);
        return host;
    }
}
