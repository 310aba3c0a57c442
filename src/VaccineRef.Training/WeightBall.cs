using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Training;

/// <summary>
/// Moves the trainable parameters for a while and puts them back bit for bit: it keeps a copy instead of subtracting
/// what it added, as released trainers do, because w + d - d is not w in floating point.
/// </summary>
public sealed class WeightBall<T>(Device device) : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ParameterVector<T> _weights = new(device);

    /// <summary>Bytes of the copy; 0 before the parameters are first moved.</summary>
    public long Bytes => _weights.Bytes;

    /// <summary>
    /// Runs <paramref name="action"/> with w + factor * direction in the place of w, whatever it throws.
    /// </summary>
    public double At(double factor, ParameterVector<T> direction, Func<double> action) =>
        At([(factor, direction)], action);

    /// <summary>
    /// Runs <paramref name="action"/> with w + the sum of the moves in the place of w, whatever it throws.
    /// </summary>
    public double At(IReadOnlyList<(double Factor, ParameterVector<T> Direction)> moves, Func<double> action)
    {
        _weights.CopyValues(moves[0].Direction.Parameters);
        try
        {
            foreach (var (factor, direction) in moves)
                direction.AddToValues(factor);
            return action();
        }
        finally
        {
            _weights.Restore();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _weights.Dispose();
}
