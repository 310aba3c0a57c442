using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Training;

/// <summary>Adds a perturbation: e_l becomes e_l + eps_l at every perturbed site. eps_l is a constant.</summary>
public sealed class Shift<T>(IReadOnlyList<Site> sites, IReadOnlyList<View<T>> epsilon) : ITap<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Add<T> _add = new();
    private int _applied;

    /// <summary>Adds the perturbation that <paramref name="perturbation"/> holds.</summary>
    public Shift(Perturbation<T> perturbation) : this(perturbation.Sites, perturbation.Epsilon)
    {
    }

    /// <inheritdoc/>
    public long StateBytes => Unsafe.SizeOf<T>() * epsilon.Sum(view => view.Shape.Count);

    /// <inheritdoc/>
    public bool ListensTo(SiteKind kind) => _applied < sites.Count && sites[_applied].Kind == kind;

    /// <inheritdoc/>
    public bool Keeps(SiteKind kind) => false;

    /// <inheritdoc/>
    public Tensor<T> At(Site site, Tensor<T> hidden, Pass<T> pass)
    {
        if (_applied == sites.Count || sites[_applied] != site)
            return hidden;
        return pass.Tape.Apply(_add, [hidden, pass.Tape.Constant(epsilon[_applied++])]);
    }

    /// <summary>
    /// Checks that all of the perturbation was added: one that reaches no site would do nothing, silently.
    /// </summary>
    /// <exception cref="InvalidOperationException">The pass did not reach every perturbed site, in order.</exception>
    public void RequireAllApplied()
    {
        if (_applied != sites.Count)
            throw new InvalidOperationException($"The perturbation at {sites[_applied]} was never applied.");
    }
}
