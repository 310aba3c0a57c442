using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of Gaussian noise.</summary>
/// <param name="Variance">rho', the variance of every element of the noise, at least 0.</param>
/// <param name="Sites">Which hidden embeddings are moved; attention outputs unless said otherwise.</param>
public sealed record RandomPerturbationOptions(double Variance, IReadOnlyList<SiteKind>? Sites = null) : RuleOptions
{
    /// <inheritdoc/>
    public override string Label() => $"random, rho' = {NumberText.Of(Variance)}{SitesText.Of(Sites)}";

    /// <inheritdoc/>
    public override PassCount Passes() => new(1, 1);

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new RandomPerturbation<T>(Variance, Sites);

    /// <inheritdoc/>
    public override void Validate(string path) => RequireFinite(Variance, $"{path}.variance", "rho' is not a variance");
}

/// <summary>
/// Gaussian noise at the sites: e_l + n_l with n_l ~ N(0, rho' I), drawn anew in every step. This is the control in
/// Table 7 of the paper. rho' is a variance, and the noise is not limited to a ball: E||n||^2 is rho' times the number
/// of elements. A step needs one forward pass and one reverse pass.
/// </summary>
public sealed class RandomPerturbation<T> : IGradientRule<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly double _variance;
    private readonly SiteKind[] _sites;

    /// <summary>Chooses the variance and the sites, which are the attention outputs by default.</summary>
    /// <exception cref="InputException">The variance is negative or not finite.</exception>
    public RandomPerturbation(double variance, IReadOnlyCollection<SiteKind>? sites = null)
    {
        if (variance is not (>= 0 and < double.PositiveInfinity))
            throw new InputException(
                "rho' is not a variance", "variance", $"{variance}", "a finite number, at least 0");
        _variance = variance;
        _sites = [.. sites ?? [SiteKind.AttentionOutput]];
    }

    /// <inheritdoc/>
    public string Name => "random";

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        var noise = new Noise<T>(Math.Sqrt(_variance), _sites);
        double loss = state.Descend(objective, batch, state.Pass(noise), scale);
        if (noise.Elements == 0)
            throw new InputException(
                "the model has none of the sites asked for", "sites", string.Join(", ", _sites),
                "sites that the model has");
        return new(loss, PerturbationNorm: Math.Sqrt(_variance * noise.Elements));
    }
}

/// <summary>Adds Gaussian noise at the sites of some kinds, drawn from the random stream of the pass.</summary>
public sealed class Noise<T>(double standardDeviation, IReadOnlyCollection<SiteKind> kinds) : ITap<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly GaussianNoise<T> _noise = new(standardDeviation);

    /// <summary>Number of elements to which noise was added.</summary>
    public long Elements { get; private set; }

    /// <inheritdoc/>
    public bool ListensTo(SiteKind kind) => kinds.Contains(kind);

    /// <inheritdoc/>
    public bool Keeps(SiteKind kind) => false;

    /// <inheritdoc/>
    public Tensor<T> At(Site site, Tensor<T> hidden, Pass<T> pass)
    {
        if (!ListensTo(site.Kind))
            return hidden;
        Elements += hidden.Shape.Count;
        return pass.Tape.Apply(_noise, [hidden], random: pass.Random.At("noise").At(site.Layer).At((int)site.Kind));
    }
}
