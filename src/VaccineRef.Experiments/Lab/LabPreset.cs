namespace VaccineRef.Experiments.Lab;

/// <summary>A table of the paper as a grid: every arm under every attack, on every size of model.</summary>
/// <param name="Name">The name on the command line.</param>
/// <param name="Table">What it is in the paper, as in "Table 1".</param>
/// <param name="Title">What it shows.</param>
/// <param name="Arms">The rows.</param>
/// <param name="Attacks">The columns. The model before any attack is measured besides.</param>
/// <param name="Sizes">The models.</param>
/// <param name="Primary">The comparison that was chosen before looking.</param>
public sealed record LabPreset(
    string Name, string Table, string Title, IReadOnlyList<LabArm> Arms, IReadOnlyList<LabAttack> Attacks,
    IReadOnlyList<LabSize> Sizes, LabEndpoint Primary);

/// <summary>A primary endpoint: mean HS over some attacks, one arm minus another, paired by seed.</summary>
/// <param name="Arm">Name of the arm.</param>
/// <param name="Control">Name of the arm it is compared with.</param>
/// <param name="Attacks">Over which HS is averaged.</param>
public sealed record LabEndpoint(string Arm, string Control, IReadOnlyList<LabAttack> Attacks);

/// <summary>A preset with the seeds to run it on.</summary>
public sealed record LabGrid(LabPreset Preset, IReadOnlyList<ulong> Seeds)
{
    /// <summary>The first seed, the smallest model and the last attack: a look at the machinery.</summary>
    public LabGrid Quick() => new(
        Preset with { Attacks = [.. Preset.Attacks.TakeLast(1)], Sizes = [Preset.Sizes[0]], Primary = Preset.Primary with { Attacks = [.. Preset.Primary.Attacks.TakeLast(1)] } },
        [Seeds[0]]);

    /// <summary>The cells, seed by seed: each size's base first, each arm's aligned model before its attacks.</summary>
    public IEnumerable<LabCell> Cells() =>
        from seed in Seeds
        from size in Preset.Sizes
        from arm in Preset.Arms.Prepend(LabArm.NonAligned).Distinct()
        from attack in Preset.Attacks.Where(_ => Preset.Arms.Contains(arm)).Prepend(null)
        select new LabCell(seed, size, arm, attack);
}
