using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// Random initialisation. A parameter's stream is found by its name: the order of construction does not matter.
/// </summary>
public sealed class RandomSource<T>(Device device, RandomStream random) : IWeightSource<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The type in which values of T are stored without loss.</summary>
    public static TensorType Type => typeof(T) == typeof(double) ? TensorType.F64 : TensorType.F32;

    /// <inheritdoc/>
    public StoredAs Fill(string name, IReadOnlyList<long> dimensions, Start start, View<T> to)
    {
        var stream = random.At(name);
        if (start.Distribution == Distribution.Normal)
            device.Run(new FillNormal<T>(stream, start.Value), to);
        else if (start.Distribution == Distribution.Uniform)
            device.Run(new FillUniform<T>(stream, -start.Value, start.Value), to);
        else
            device.Fill(to, T.CreateChecked(start.Value));
        if (start.ZeroRow >= 0)
            device.Clear(to.SliceRows(start.ZeroRow, 1));
        return new(name, Type);
    }

    /// <inheritdoc/>
    public StoredAs? Tie(string name, Parameter<T> to) => null;

    /// <inheritdoc/>
    public void Finish()
    {
    }
}
