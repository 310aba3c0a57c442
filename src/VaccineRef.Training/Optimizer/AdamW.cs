using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Training;

/// <summary>
/// AdamW (Loshchilov and Hutter, arXiv 1711.05101). The gradient of all parameters together is clipped by the factor
/// min(1, max / (norm + 1e-6)). Vectors, which are the weights of norms and biases, do not decay: Hugging Face's two parameter groups.
/// </summary>
public sealed class AdamW<T> : IKeepsState<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private const double ClipGuard = 1e-6;

    private readonly Device _device;
    private readonly Arena _state;
    private readonly (Parameter<T> Parameter, View<T> M, View<T> V)[] _moments;
    private readonly View<T>[] _gradients;          // all at once: a GPU answers once
    private readonly SquaredNorm<T> _squaredNorm = new();
    private readonly AdamWOptions _options;
    private int[] _missed;                          // steps in which a parameter was held

    /// <summary>Makes the two moments of every parameter, of zeros.</summary>
    public AdamW(IReadOnlyList<Parameter<T>> parameters, AdamWOptions options, Device device)
    {
        (_device, _options) = (device, options);
        _state = new Arena(device);
        _gradients = new View<T>[parameters.Count];
        _missed = new int[parameters.Count];
        _moments = [.. parameters.Select(parameter => (
            parameter, _state.Allocate<T>(parameter.Shape, clear: true), _state.Allocate<T>(parameter.Shape, clear: true)))];
    }

    /// <summary>Bytes that the moments take.</summary>
    public long StateBytes => _state.InUse;

    /// <summary>Whether weight decay applies to a parameter: to matrices, but not to vectors.</summary>
    public static bool Decays(Parameter<T> parameter) => parameter.Dimensions.Count > 1;

    /// <summary>The norm ||g|| over all parameters, added up in double precision.</summary>
    /// <exception cref="InvalidOperationException">A parameter is frozen. The message names it.</exception>
    public double GradientNorm()
    {
        for (int i = 0; i < _moments.Length; i++)
            _gradients[i] = GradientOf(_moments[i].Parameter);
        return Math.Sqrt(_device.Run(_squaredNorm, _gradients));
    }

    /// <summary>The name of the first parameter whose gradient is not finite.</summary>
    public string? FirstNonFinite()
    {
        var first = new FirstNonFinite<T>();
        return _moments
            .Select(entry => entry.Parameter).FirstOrDefault(p => _device.Run(first, GradientOf(p)) >= 0)?.Name;
    }

    /// <summary>
    /// Updates every parameter from its gradient. A parameter that is held keeps its value and its moments, without decay, and the
    /// step does not count for its bias correction: what torch.optim.AdamW does with a parameter whose grad is None.
    /// </summary>
    /// <param name="step">The number of the step, from 1, for the bias correction.</param>
    /// <param name="gradientNorm">The norm ||g|| before clipping.</param>
    /// <param name="factor">The factor of the learning rate that the schedule gives.</param>
    /// <param name="held">Whether a parameter is left alone in this step; null if none is.</param>
    /// <returns>The learning rate that was used.</returns>
    /// <exception cref="InvalidOperationException">A parameter is frozen. The message names it.</exception>
    public double Step(int step, double gradientNorm, double factor, Func<Parameter<T>, bool>? held = null)
    {
        double clip = _options.MaxGradientNorm > 0 ? Math.Min(1, _options.MaxGradientNorm / (gradientNorm + ClipGuard)) : 1;
        double rate = _options.LearningRate * factor;
        AdamWStep<T> Update(double decay, int count) =>
            new(rate, _options.Beta1, _options.Beta2, _options.Epsilon, decay, count, clip);
        AdamWStep<T> matrices = Update(_options.WeightDecay, step), vectors = Update(0, step);
        for (int i = 0; i < _moments.Length; i++)
        {
            var (parameter, m, v) = _moments[i];
            if (held?.Invoke(parameter) == true)
            {
                _missed[i]++;
                continue;
            }

            bool decays = Decays(parameter);
            var update = _missed[i] > 0 ? Update(decays ? _options.WeightDecay : 0, step - _missed[i]) : decays ? matrices : vectors;
            _device.Run(update, parameter.Value, GradientOf(parameter), m, v);
        }

        return rate;
    }

    /// <inheritdoc/>
    public void Exchange(KeptState<T> state)
    {
        _missed = state.Part("missed", _missed);
        foreach (var (parameter, m, v) in _moments)
        {
            state.Part($"first.{parameter.Name}", m);
            state.Part($"second.{parameter.Name}", v);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _state.Dispose();

    private static View<T> GradientOf(Parameter<T> parameter) => parameter.IsTrainable
        ? parameter.Gradient
        : throw new InvalidOperationException(
            $"The parameter {parameter} is frozen: it has no gradient to take a step along. Make it trainable first "
            + "(Parameter.Train).");
}
