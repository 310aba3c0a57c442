using VaccineRef.Core;

namespace VaccineRef.Verification.Conform;

/// <summary>
/// The ball around the hidden embeddings of a step's parts: what its norm is taken over, and the perturbations in it.
/// </summary>
/// <param name="settings">The case.</param>
/// <param name="variation">What is done otherwise.</param>
/// <param name="isChosen">Whether the layer of a site takes part in the step.</param>
/// <param name="layers">How many blocks the model has.</param>
/// <param name="own">The port's own quantity under a key; null where it has none.</param>
internal sealed class EmbeddingBall(
    CaseSettings settings, Variation variation, Func<Site, bool> isChosen, int layers, Func<string, Values?> own)
{
    /// <summary>What the norm is taken over: the port's own site gradients where it has them.</summary>
    /// <param name="part">The part.</param>
    /// <param name="gradients">The site gradients of its first pass.</param>
    /// <param name="lossScale">What the port multiplies its loss with.</param>
    public Dictionary<Site, Values> Measured(StepPart part, IReadOnlyDictionary<Site, Values> gradients, double lossScale) => gradients
        .Where(entry => variation.Measured(entry.Key, layers) && isChosen(entry.Key))
        .ToDictionary(entry => entry.Key, entry => Sized(
            part, entry.Key,
            own($"{part.Prefix}p1/{SiteNames.Key(entry.Key)}/grad") ?? Perturbing.Times(entry.Value, lossScale),
            variation.Sizing != Sizing.None));

    /// <summary>The perturbation of each part.</summary>
    /// <param name="parts">The parts, each with what it measured.</param>
    /// <param name="together">Whether they share a ball.</param>
    /// <param name="guard">What is added to the norm.</param>
    public IReadOnlyList<IReadOnlyDictionary<Site, Values>> Around(StepPart[] parts, bool together, double guard)
    {
        bool Moves(Site site) => variation.Moves(site, layers) && isChosen(site);
        IReadOnlyList<Dictionary<Site, Values>> filled = together
            ? Perturbing.Fill([.. parts.Select(part => part.G)], Moves, variation, settings.Rho, guard)
            : [.. parts.Select(part => Perturbing.Fill([part.G], Moves, variation, settings.Rho, guard)[0])];
        return
        [
            .. filled.Zip(parts, (epsilon, part) => epsilon.ToDictionary(
                entry => entry.Key, entry => Sized(part, entry.Key, entry.Value, variation.Sizing == Sizing.Squared))),
        ];
    }

    /// <summary>Multiplied by the size of the hidden embedding, where the method has it so.</summary>
    private Values Sized(StepPart part, Site site, Values values, bool isDone) => settings.IsAdaptive && isDone
        ? Perturbing.Times(values, own($"{part.Prefix}p1/{SiteNames.Key(site)}/raw") ?? part.First!.Raw[site]) : values;
}
