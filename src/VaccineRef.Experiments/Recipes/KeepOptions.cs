namespace VaccineRef.Experiments.Recipes;

/// <summary>
/// Which models a grid keeps besides those that other stages begin with, so that one can talk to them, measure them
/// again and export them. A run of one trial keeps all of them in any case. It changes no number, and no stage's hash.
/// </summary>
public sealed record KeepOptions
{
    /// <summary>The names of the stages whose models are kept.</summary>
    public IReadOnlyList<string> Stages { get; set; } = [];

    /// <summary>Of how many seeds, the grid's first ones; 0 for all.</summary>
    public int Seeds { get; set; } = 1;
}
