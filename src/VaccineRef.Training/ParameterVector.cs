using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Training;

/// <summary>
/// A number for each number that is trained, in memory of its own: a gradient that is set aside, or a copy of the
/// weights. The memory is taken when the vector is first written.
/// </summary>
public sealed class ParameterVector<T>(Device device) : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Arena _memory = new(device);
    private readonly Dictionary<Parameter<T>, View<T>> _views = [];
    private readonly SquaredNorm<T> _squaredNorm = new();
    private readonly Dot<T> _dot = new();
    private View<T>[] _all = [];
    private Parameter<T>[] _parameters = [];

    /// <summary>The size in bytes; 0 before it is first written.</summary>
    public long Bytes => Unsafe.SizeOf<T>() * _all.Sum(view => view.Shape.Count);

    /// <summary>The parameters that it belongs to.</summary>
    public IReadOnlyList<Parameter<T>> Parameters => _parameters;

    /// <summary>The numbers of a parameter; empty if it is none of <see cref="Parameters"/>.</summary>
    public View<T> Of(Parameter<T> parameter) => _views.GetValueOrDefault(parameter);

    /// <summary>Becomes zero.</summary>
    public void Clear(IReadOnlyList<Parameter<T>> parameters)
    {
        Belong(parameters);
        foreach (var view in _all)
            device.Clear(view);
    }

    /// <summary>Becomes a copy of the parameters' values.</summary>
    public void CopyValues(IReadOnlyList<Parameter<T>> parameters)
    {
        Belong(parameters);
        for (int i = 0; i < _all.Length; i++)
            device.Copy(_parameters[i].Value, _all[i]);
    }

    /// <summary>Copies the numbers into the parameters' values, bit for bit.</summary>
    public void Restore()
    {
        for (int i = 0; i < _all.Length; i++)
            device.Copy(_all[i], _parameters[i].Value);
    }

    /// <summary>The sum of squares, in double.</summary>
    public double SquaredNorm() => device.Run(_squaredNorm, _all);

    /// <summary>The sum of products with another vector of the same parameters, in double.</summary>
    public double Dot(ParameterVector<T> other)
    {
        double sum = 0;
        for (int i = 0; i < _all.Length; i++)
            sum += device.Run(_dot, _all[i], other._all[i]);
        return sum;
    }

    /// <summary>Multiplies the numbers of a parameter by the magnitudes of its values, plus a constant.</summary>
    public void MultiplyByWeights(Parameter<T> parameter, double offset) =>
        device.Run(new MultiplyByMagnitude<T>(offset), Of(parameter), parameter.Value);

    /// <summary>Becomes a copy of the parameters' gradients.</summary>
    public void CopyGradients(IReadOnlyList<Parameter<T>> parameters)
    {
        Belong(parameters);
        for (int i = 0; i < _all.Length; i++)
            device.Copy(_parameters[i].Gradient, _all[i]);
    }

    /// <summary>Adds the parameters' gradients to the numbers.</summary>
    public void AddGradients()
    {
        var add = new AddScaled<T>(1);
        for (int i = 0; i < _all.Length; i++)
            device.Run(add, _parameters[i].Gradient, _all[i]);
    }

    /// <summary>Adds a multiple to the parameters' values.</summary>
    public void AddToValues(double factor)
    {
        var add = new AddScaled<T>(factor);
        for (int i = 0; i < _all.Length; i++)
            device.Run(add, _all[i], _parameters[i].Value);
    }

    /// <summary>Adds a multiple to the gradients of the step.</summary>
    public void AddToGradients(double factor)
    {
        var add = new AddScaled<T>(factor);
        for (int i = 0; i < _all.Length; i++)
            device.Run(add, _all[i], _parameters[i].Gradient);
    }

    /// <summary>The numbers, in a state that is kept; they are then those of the parameters that are trained.</summary>
    public void Exchange(KeptState<T> state)
    {
        if (state.IsRead)
            Belong(state.Trainable);
        for (int i = 0; i < _all.Length; i++)
            state.Part(_parameters[i].Name, _all[i]);
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    private void Belong(IReadOnlyList<Parameter<T>> parameters)
    {
        if (_parameters.AsSpan().SequenceEqual([.. parameters]))
            return;
        _memory.Rewind();
        _views.Clear();
        _parameters = [.. parameters];
        _all = [.. parameters.Select(parameter => _memory.Allocate<T>(parameter.Shape))];
        for (int i = 0; i < _all.Length; i++)
            _views.Add(_parameters[i], _all[i]);
    }
}
