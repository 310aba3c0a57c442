using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// Random initialisation. The random stream of a parameter depends on its name, so that the order of construction does
/// not matter.
/// </summary>
public sealed class RandomSource<T>(Device device, RandomStream random) : IWeightSource<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The type that stores values of T without loss.</summary>
    public static TensorType Type => typeof(T) == typeof(double) ? TensorType.F64 : TensorType.F32;

    /// <inheritdoc/>
    public StoredAs Fill(string name, IReadOnlyList<long> dimensions, Initializer initializer, View<T> to)
    {
        var stream = random.At(name);
        if (initializer.Distribution == Distribution.Normal)
            device.Run(new FillNormal<T>(stream, initializer.Value), to);
        else if (initializer.Distribution == Distribution.Uniform)
            device.Run(new FillUniform<T>(stream, -initializer.Value, initializer.Value), to);
        else
            device.Fill(to, T.CreateChecked(initializer.Value));
        if (initializer.ZeroRow >= 0)
            device.Clear(to.SliceRows(initializer.ZeroRow, 1));
        return new(name, Type);
    }

    /// <inheritdoc/>
    public StoredAs Fill(string name, IReadOnlyList<long> dimensions, Initializer initializer, View<ushort> to)
    {
        using var room = new Arena(device);
        var wide = room.Allocate<T>(to.Shape);
        var stored = Fill(name, dimensions, initializer, wide);
        device.Run(new NarrowToBFloat16<T>(to), wide);
        return stored;
    }

    /// <inheritdoc/>
    public StoredAs? Tie(string name, Parameter<T> to) => null;

    /// <inheritdoc/>
    public void Finish()
    {
    }
}
