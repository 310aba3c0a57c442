using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Training;

/// <summary>
/// Moves parameters along their gradients by the rule of its options. The gradient of all parameters together is
/// clipped by the factor min(1, max / (norm + 1e-6)). Vectors, which are the weights of norms and biases, do not decay:
/// Hugging Face's two parameter groups.
/// </summary>
public sealed class Optimizer<T> : IKeepsState<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private const double ClipGuard = 1e-6;

    // Where a parameter's value, gradient and state stand among the operands of its step.
    private const int Gradient = 1, FirstState = 2;

    private readonly Device _device;
    private readonly Arena _memory;
    private readonly (Parameter<T> Parameter, IReadOnlyList<string> State, View<T>[] Operands)[] _updated;
    private readonly View<T>[] _gradients;          // all at once: a GPU answers once
    private readonly SquaredNorm<T> _squaredNorm = new();
    private readonly OptimizerOptions _options;
    private int[] _missed;                          // steps in which a parameter was held

    /// <summary>
    /// Makes the state of every parameter, of zeros, and the memory that steps work with, one for all.
    /// </summary>
    public Optimizer(IReadOnlyList<Parameter<T>> parameters, OptimizerOptions options, Device device)
    {
        (_device, _options) = (device, options);
        _memory = new Arena(device);
        _gradients = new View<T>[parameters.Count];
        _missed = new int[parameters.Count];
        long most = parameters.Max(parameter => options.Work(parameter).Sum(shape => shape.Count));
        var work = most > 0 ? _memory.Allocate<T>(Shape.Vector(checked((int)most))) : default;
        _updated =
            [.. parameters.Select(parameter => (parameter, options.State(parameter), Operands(parameter, work)))];
        StateBytes =
            (most + _updated.Sum(entry => entry.State.Count * entry.Parameter.Shape.Count)) * Unsafe.SizeOf<T>();
    }

    /// <summary>Bytes that the state takes, and the memory that steps work with.</summary>
    public long StateBytes { get; }

    /// <summary>Whether weight decay applies to a parameter: to matrices, but not to vectors.</summary>
    public static bool Decays(Parameter<T> parameter) => parameter.Dimensions.Count > 1;

    /// <summary>The norm ||g|| over all parameters, added up in double precision.</summary>
    /// <exception cref="InvalidOperationException">A parameter is frozen. The message names it.</exception>
    public double GradientNorm()
    {
        for (int i = 0; i < _updated.Length; i++)
            _gradients[i] = GradientOf(_updated[i].Parameter);
        return Math.Sqrt(_device.Run(_squaredNorm, _gradients));
    }

    /// <summary>The name of the first parameter whose gradient is not finite.</summary>
    public string? FirstNonFinite()
    {
        var first = new FirstNonFinite<T>();
        return _updated
            .Select(entry => entry.Parameter).FirstOrDefault(p => _device.Run(first, GradientOf(p)) >= 0)?.Name;
    }

    /// <summary>
    /// Updates every parameter from its gradient. A parameter that is held keeps its value and its state, without
    /// decay, and the step does not count for it: what the optimizers of torch do with a parameter whose grad is None.
    /// </summary>
    /// <param name="step">The number of the step, from 1, for the bias correction.</param>
    /// <param name="gradientNorm">The norm ||g|| before clipping.</param>
    /// <param name="factor">The factor of the learning rate that the schedule gives.</param>
    /// <param name="held">Whether a parameter is left alone in this step; null if none is.</param>
    /// <returns>The learning rate that was used.</returns>
    /// <exception cref="InvalidOperationException">A parameter is frozen. The message names it.</exception>
    public double Step(int step, double gradientNorm, double factor, Func<Parameter<T>, bool>? held = null)
    {
        double clip =
            _options.MaxGradientNorm > 0 ? Math.Min(1, _options.MaxGradientNorm / (gradientNorm + ClipGuard)) : 1;
        double rate = _options.LearningRate * factor;
        for (int i = 0; i < _updated.Length; i++)
        {
            var (parameter, _, operands) = _updated[i];
            if (held?.Invoke(parameter) == true)
            {
                _missed[i]++;
                continue;
            }

            operands[Gradient] = GradientOf(parameter);
            double decay = Decays(parameter) ? _options.WeightDecay : 0;
            _device.Run(_options.Step(parameter, new(rate, decay, step - _missed[i], clip)), operands);
        }

        return rate;
    }

    /// <inheritdoc/>
    public void Exchange(KeptState<T> state)
    {
        _missed = state.Part("missed", _missed);
        foreach (var (parameter, names, operands) in _updated)
            foreach (var (i, name) in names.Index())
                state.Part($"{name}.{parameter.Name}", operands[FirstState + i]);
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    private View<T>[] Operands(Parameter<T> parameter, View<T> work)
    {
        var state = _options.State(parameter).Select(_ => _memory.Allocate<T>(parameter.Shape, clear: true));
        var operands = new List<View<T>> { parameter.Value, default };
        operands.AddRange(state);
        long offset = 0;
        foreach (var shape in _options.Work(parameter))
        {
            operands.Add(work.Slice(offset, shape));
            offset += shape.Count;
        }

        return [.. operands];
    }

    private static View<T> GradientOf(Parameter<T> parameter) => parameter.IsTrainable
        ? parameter.Gradient
        : throw new InvalidOperationException(
            $"The parameter {parameter} is frozen: it has no gradient to take a step along. Make it trainable first "
            + "(Parameter.Train).");
}
