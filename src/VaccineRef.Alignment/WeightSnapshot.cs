using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Alignment;

/// <summary>The values of some parameters at one moment, to go back to.</summary>
public sealed class WeightSnapshot<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Device _device;
    private readonly Arena _memory;
    private readonly (Parameter<T> Parameter, View<T> Value)[] _values;

    /// <summary>Copies the values as they are now.</summary>
    public WeightSnapshot(Device device, IEnumerable<Parameter<T>> parameters)
    {
        _device = device;
        _memory = new Arena(device);
        _values = [.. parameters.Select(parameter => (parameter, _memory.Allocate<T>(parameter.Shape)))];
        foreach (var (parameter, value) in _values)
            device.Copy(parameter.Value, value);
    }

    /// <summary>Puts the values back.</summary>
    public void Restore()
    {
        foreach (var (parameter, value) in _values)
            _device.Copy(value, parameter.Value);
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();
}
