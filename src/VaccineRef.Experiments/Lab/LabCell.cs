namespace VaccineRef.Experiments.Lab;

/// <summary>The user's fine-tuning.</summary>
/// <param name="HarmfulRatio">p: the share of harmful examples.</param>
/// <param name="Samples">n: examples in all.</param>
/// <param name="StepFactor">Steps, as a multiple of the lab's.</param>
public sealed record LabAttack(decimal HarmfulRatio, int Samples = 400, double StepFactor = 1);

/// <summary>The size of the model; the feed-forward size is 2.75 times the hidden size.</summary>
/// <param name="Name">Names it and determines nothing.</param>
/// <param name="Hidden">Hidden size.</param>
/// <param name="Layers">Transformer blocks.</param>
/// <param name="Heads">Attention heads.</param>
public sealed record LabSize(string Name, int Hidden, int Layers, int Heads)
{
    /// <summary>The study's: 216,256 parameters.</summary>
    public static LabSize Tiny { get; } = new("216k", 64, 4, 4);
}

/// <summary>One experiment of a grid: a seed, a model, an alignment, an attack.</summary>
/// <param name="Seed">Decides the world, the base, the splits, all orders and draws.</param>
/// <param name="Size">The model.</param>
/// <param name="Arm">The alignment.</param>
/// <param name="Attack">The user's fine-tuning; null is the model before any.</param>
public sealed record LabCell(ulong Seed, LabSize Size, LabArm Arm, LabAttack? Attack = null)
{
    /// <summary>
    /// The cell whose model this one begins with: an attack begins with the aligned model, an alignment with the base.
    /// Null for the base.
    /// </summary>
    public LabCell? Parent => this switch
    {
        { Attack: not null } => this with { Attack = null, Arm = Arm with { Defense = null } },
        { Arm.Method: not null } => this with { Arm = LabArm.NonAligned },
        _ => null,
    };
}
