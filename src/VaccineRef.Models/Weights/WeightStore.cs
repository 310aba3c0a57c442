using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// The parameters of one checkpoint. Owns their memory and knows the names and types in which they are written back.
/// </summary>
/// <param name="device">The device on which the parameters are.</param>
/// <param name="source">Where their values come from.</param>
/// <param name="matrices">How the weights of linear layers are stored.</param>
public sealed class WeightStore<T>(
    Device device, IWeightSource<T> source, WeightPrecision matrices = WeightPrecision.Full) : IDisposable
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Arena _arena = new(device);
    private readonly List<Parameter<T>> _parameters = [];
    private readonly List<(StoredAs Stored, Parameter<T> Parameter)> _tensors = [];

    /// <summary>All parameters, in the order in which the model asked for them.</summary>
    public IReadOnlyList<Parameter<T>> Parameters => _parameters;

    /// <summary>The number of bytes that the parameters take.</summary>
    public long Bytes => _arena.InUse;

    /// <summary>
    /// Makes a parameter with values from the source. It has one or two dimensions; a vector becomes one row.
    /// </summary>
    public Parameter<T> Get(string name, ReadOnlySpan<int> dimensions, Initializer initializer)
    {
        var shape = dimensions.Length == 1 ? Shape.Vector(dimensions[0]) : new Shape(dimensions[0], dimensions[1]);
        long[] extents = dimensions.Length == 1 ? [dimensions[0]] : [dimensions[0], dimensions[1]];
        source.Expect(name, extents);
        var parameter = new Parameter<T>(name, _arena.Allocate<T>(shape), extents);
        return Add(parameter, source.Fill(name, extents, initializer, parameter.Value));
    }

    /// <summary>
    /// Makes the weight of a linear layer, in bfloat16 if this store was told to store such weights in bfloat16.
    /// </summary>
    public Parameter<T> Matrix(string name, ReadOnlySpan<int> dimensions, Initializer initializer)
    {
        if (matrices == WeightPrecision.Full)
            return Get(name, dimensions, initializer);
        long[] extents = [dimensions[0], dimensions[1]];
        source.Expect(name, extents);
        var parameter = new Parameter<T>(name, _arena.Allocate<ushort>(new(dimensions[0], dimensions[1])), extents);
        return Add(parameter, source.Fill(name, extents, initializer, parameter.Compact));
    }

    /// <inheritdoc cref="IWeightSource{T}.Tie"/>
    public void Tie(string name, Parameter<T> to)
    {
        if (source.Tie(name, to) is { } stored)
            _tensors.Add((stored, to));
    }

    /// <inheritdoc cref="IWeightSource{T}.Finish"/>
    public void Finish() => source.Finish();

    /// <summary>The tensors to be written, under the names and in the types in which they were read.</summary>
    public IReadOnlyList<TensorData> Tensors(bool exact = false) =>
        Tensors((stored, parameter) => exact && !parameter.IsCompact ? Exact : stored.Type);

    /// <summary>The tensors to be written, all in one type.</summary>
    public IReadOnlyList<TensorData> Tensors(TensorType type) => Tensors((_, _) => type);

    private static TensorType Exact => typeof(T) == typeof(double) ? TensorType.F64 : TensorType.F32;

    /// <inheritdoc/>
    public void Dispose() => _arena.Dispose();

    private IReadOnlyList<TensorData> Tensors(Func<StoredAs, Parameter<T>, TensorType> type) =>
    [
        .. _tensors.Select(tensor => TensorData.Floats<T>(
            tensor.Stored.Name, type(tensor.Stored, tensor.Parameter), [.. tensor.Parameter.Dimensions],
            () => Values(tensor.Parameter))),
    ];

    private Parameter<T> Add(Parameter<T> parameter, StoredAs stored)
    {
        _tensors.Add((stored, parameter));
        _parameters.Add(parameter);
        return parameter;
    }

    /// <summary>The values of a parameter, on the host.</summary>
    internal ReadOnlySpan<T> Values(Parameter<T> parameter)
    {
        var host = new T[parameter.Shape.Count];
        HostWindows.Each(device, parameter, (first, values) => values.CopyTo(host.AsSpan((int)first)));
        return host;
    }
}
