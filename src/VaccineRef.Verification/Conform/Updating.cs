namespace VaccineRef.Verification.Conform;

/// <summary>
/// Clipping and AdamW on plain arrays of double, and what can be done otherwise. Source: torch.nn.utils.clip_grad_norm_
/// and torch.optim.AdamW, with Hugging Face's two groups: vectors do not decay.
/// </summary>
internal sealed class Updating(OptimizerSettings settings, Variation variation)
{
    private const double ClipGuard = 1e-6;

    private readonly Dictionary<string, Moments> _moments = [];

    /// <summary>
    /// The weights after the next step. What is held stays as it is, and the step does not count for it.
    /// </summary>
    public IReadOnlyDictionary<string, Values> Step(
        IReadOnlyDictionary<string, Values> weights, IReadOnlyDictionary<string, Values> gradients, ChosenLayers chosen)
    {
        double norm = Values.NormOf(gradients.Values);
        return weights.ToDictionary(entry => entry.Key, entry =>
        {
            if (chosen.Holds(entry.Key) && !variation.HeldTrained && !variation.HeldZeroed)
                return entry.Value;
            var gradient = gradients[entry.Key];
            double clip = Clip(variation.ClipEachTensor ? gradient.Norm : norm);
            return entry.Value with
            {
                Numbers = Move(entry.Key, entry.Value, [.. gradient.Numbers.Select(value => value * clip)])
            };
        });
    }

    private double Clip(double norm) => variation.NoClipping || settings.MaxGradientNorm <= 0
        ? 1
        : Math.Min(1, settings.MaxGradientNorm / (norm + ClipGuard));

    private double[] Move(string name, Values weight, double[] gradient)
    {
        if (!_moments.TryGetValue(name, out var moments))
            _moments.Add(name, moments = new(new double[gradient.Length], new double[gradient.Length]));
        moments.Steps++;
        bool decays = !variation.NoDecay && (variation.DecayVectors || weight.Shape.Length > 1);
        double decay = decays ? settings.WeightDecay : 0, rate = settings.LearningRate;
        double first = variation.NoBiasCorrection ? 1 : 1 - Math.Pow(settings.Beta1, moments.Steps);
        double second = variation.NoBiasCorrection ? 1 : 1 - Math.Pow(settings.Beta2, moments.Steps);
        var moved = new double[gradient.Length];
        for (int i = 0; i < moved.Length; i++)
        {
            double p = weight.Numbers[i], g = gradient[i];
            if (variation.CoupledDecay)
                g += decay * p;
            else
                p *= 1 - (rate * decay);
            moments.M[i] += (g - moments.M[i]) * (1 - settings.Beta1);
            moments.V[i] = (settings.Beta2 * moments.V[i]) + ((1 - settings.Beta2) * g * g);
            double root = variation.EpsilonInsideRoot
                ? Math.Sqrt((moments.V[i] / second) + settings.Epsilon)
                : (Math.Sqrt(moments.V[i]) / Math.Sqrt(second)) + settings.Epsilon;
            moved[i] = p - (rate / first * moments.M[i] / root);
        }

        return moved;
    }

    private sealed record Moments(double[] M, double[] V)
    {
        public int Steps { get; set; }
    }
}
