using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// The parameters of one checkpoint: their memory, and under which names and types they are written back.
/// </summary>
public sealed class WeightStore<T>(Device device, IWeightSource<T> source) : IDisposable
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
        var parameter = new Parameter<T>(name, _arena.Allocate<T>(shape), extents);
        _tensors.Add((source.Fill(name, extents, start, parameter.Value), parameter));
        _parameters.Add(parameter);
        return parameter;
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

    private ReadOnlySpan<T> Download(Parameter<T> parameter)
    {
        var host = new T[parameter.Shape.Count];
        device.Download(parameter.Value, host);
        return host;
    }
}
