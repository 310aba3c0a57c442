using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;

namespace VaccineRef.Training;

/// <summary>
/// A copy of the trainable parameters as they were when this was made: w_0 in EWC, the teacher in KL.
/// </summary>
public sealed class AnchoredParameters<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Device _device;
    private readonly Arena _memory;
    private readonly View<T>[] _anchors;
    private View<T>[]? _live;

    /// <summary>Copies the present values of the parameters.</summary>
    public AnchoredParameters(IEnumerable<Parameter<T>> parameters, Device device)
    {
        (_device, _memory, Parameters) = (device, new Arena(device), [.. parameters]);
        _anchors = [.. Parameters.Select(Copy)];
    }

    /// <summary>The parameters themselves, which go on being trained.</summary>
    public IReadOnlyList<Parameter<T>> Parameters { get; }

    /// <summary>The copied values, in the same order.</summary>
    public IReadOnlyList<View<T>> Values => _anchors;

    /// <summary>The size of the copies in bytes.</summary>
    public long Bytes => Unsafe.SizeOf<T>() * _anchors.Sum(anchor => anchor.Shape.Count);

    /// <summary>
    /// Runs <paramref name="action"/> while the parameters have the copied values, and then restores them.
    /// </summary>
    public void With(Action action)
    {
        _live ??= [.. Parameters.Select(Copy)];
        for (int i = 0; i < _anchors.Length; i++)
        {
            _device.Copy(Parameters[i].Value, _live[i]);
            _device.Copy(_anchors[i], Parameters[i].Value);
        }

        try
        {
            action();
        }
        finally
        {
            for (int i = 0; i < _anchors.Length; i++)
                _device.Copy(_live[i], Parameters[i].Value);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    private View<T> Copy(Parameter<T> parameter)
    {
        var copy = _memory.Allocate<T>(parameter.Shape);
        _device.Copy(parameter.Value, copy);
        return copy;
    }
}
