using VaccineRef.Models;

namespace VaccineRef.Verification.Conform;

/// <summary>The layers that a step moves and trains; null for all of them.</summary>
internal sealed record ChosenLayers(IReadOnlyList<int>? Layers)
{
    /// <summary>Whether the sites of a layer are moved.</summary>
    public bool Has(int layer) => Layers is null || Layers.Contains(layer);

    /// <summary>Whether a parameter belongs to a layer that was not chosen.</summary>
    public bool Holds(string parameter) => BlockNumber.Of(parameter) is { } layer && !Has(layer);
}
