using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Training;

/// <summary>
/// AdamW (Loshchilov and Hutter, arXiv 1711.05101). The gradient of all parameters together is clipped by the factor
/// min(1, max / (norm + 1e-6)). Vectors, which are the weights of norms and biases, do not decay: Hugging Face's two parameter groups.
/// </summary>
public sealed class AdamW<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private const double ClipGuard = 1e-6;

    private readonly Device _device;
    private readonly Arena _state;
    private readonly (Parameter<T> Parameter, View<T> M, View<T> V)[] _moments;
    private readonly View<T>[] _gradients;          // all at once: a GPU answers once
    private readonly SquaredNorm<T> _squaredNorm = new();
    private readonly AdamWOptions _options;

    /// <summary>Makes the two moments of every parameter, of zeros.</summary>
    public AdamW(IReadOnlyList<Parameter<T>> parameters, AdamWOptions options, Device device)
    {
        (_device, _options) = (device, options);
        _state = new Arena(device);
        _gradients = new View<T>[parameters.Count];
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

    /// <summary>Updates every parameter from its gradient.</summary>
    /// <param name="step">The number of the step, from 1, for the bias correction.</param>
    /// <param name="gradientNorm">The norm ||g|| before clipping.</param>
    /// <param name="factor">The factor of the learning rate that the schedule gives.</param>
    /// <returns>The learning rate that was used.</returns>
    /// <exception cref="InvalidOperationException">A parameter is frozen. The message names it.</exception>
    public double Step(int step, double gradientNorm, double factor)
    {
        double clip = _options.MaxGradientNorm > 0 ? Math.Min(1, _options.MaxGradientNorm / (gradientNorm + ClipGuard)) : 1;
        double rate = _options.LearningRate * factor;
        AdamWStep<T> Update(double decay) =>
            new(rate, _options.Beta1, _options.Beta2, _options.Epsilon, decay, step, clip);
        AdamWStep<T> matrices = Update(_options.WeightDecay), vectors = Update(0);
        foreach (var (parameter, m, v) in _moments)
            _device.Run(Decays(parameter) ? matrices : vectors, parameter.Value, GradientOf(parameter), m, v);
        return rate;
    }

    /// <inheritdoc/>
    public void Dispose() => _state.Dispose();

    private static View<T> GradientOf(Parameter<T> parameter) => parameter.IsTrainable
        ? parameter.Gradient
        : throw new InvalidOperationException(
            $"The parameter {parameter} is frozen: it has no gradient to take a step along. Make it trainable first "
            + "(Parameter.Train).");
}
