using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// How the gradient of the harmful loss changes along itself: adds weight (g1 - g2) to the gradients of the step, with
/// <code>
/// g1 = dh/dw;   d = length g1 / (||g1|| + 1e-7), held constant;   g2 = d/dw h at w + d
/// </code>
/// Two forward and two reverse passes on a batch of harmful data, and two copies of what is trained; the weights come
/// back bit for bit.
/// </summary>
/// <param name="length">The length of the move; negative against the gradient.</param>
/// <param name="dropout">Whether the two passes share their dropout masks.</param>
/// <param name="device">Where the parameters live.</param>
internal sealed class HarmfulContrast<T>(double length, PassDropout dropout, Device device) : IDisposable
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Prevents NaN if the gradient is zero.</summary>
    public const double Guard = 1e-7;

    private readonly ParameterVector<T> _gradient = new(device);
    private readonly WeightBall<T> _ball = new(device);
    private double _factor;

    /// <summary>Bytes of the two copies; 0 before they are first written.</summary>
    public long Bytes => _gradient.Bytes + _ball.Bytes;

    /// <summary>Adds weight (g1 - g2).</summary>
    public void Add(IObjective<T> objective, PackedBatch harmful, TrainState<T> state, double weight)
    {
        state.Gradient(objective, harmful, state.Pass(new NoTap<T>(), DropoutMasks.OtherBatch), _gradient);
        _gradient.AddToGradients(weight);
        _factor = length / (Math.Sqrt(_gradient.SquaredNorm()) + Guard);
        int second = DropoutMasks.OtherBatch + dropout.Pass(1);
        _ball.At(
            _factor, _gradient, () => state.Descend(objective, harmful, state.Pass(new NoTap<T>(), second), -weight));
    }

    /// <summary>Moves the weights by the last d, for good.</summary>
    public void Move() => _gradient.AddToValues(_factor);

    /// <inheritdoc/>
    public void Dispose()
    {
        _gradient.Dispose();
        _ball.Dispose();
    }
}
