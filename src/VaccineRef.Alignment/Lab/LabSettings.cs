using VaccineRef.Alignment.World;

namespace VaccineRef.Alignment.Lab;

/// <summary>What all cells of a lab share. The defaults follow a study of this world at this size.</summary>
public sealed record LabSettings
{
    /// <summary>Sizes of the world's splits. The user's data has the size that a cell's attack says.</summary>
    public WorldSettings World { get; init; } = new();

    /// <summary>Pre-training of the base.</summary>
    public TrainOptions Base { get; init; } = Cosine(batch: 32, steps: 600, rate: 3e-3, decay: 0.01);

    /// <summary>Alignment of all weights.</summary>
    public TrainOptions Align { get; init; } = Cosine(batch: 16, steps: 800, rate: 1e-3, decay: 0.1);

    /// <summary>Alignment through an adapter.</summary>
    public TrainOptions AlignAdapter { get; init; } = Cosine(batch: 16, steps: 1600, rate: 3e-3, decay: 0.1);

    /// <summary>The user's fine-tuning, through an adapter: five times through the data, 200 steps for 400 examples.</summary>
    public TrainOptions Attack { get; init; } = Cosine(batch: 10, steps: 0, rate: 3e-4, decay: 0.1) with { Epochs = 5 };

    /// <summary>Rank of the adapters.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>alpha / rank of the adapters.</summary>
    public double Scaling { get; init; } = 2;

    /// <summary>Points of the curve over the attack's steps, step 0 not counted.</summary>
    public int CurvePoints { get; init; } = 8;

    /// <summary>Steps of an alignment at which the perturbation is measured token by token.</summary>
    public int PerturbationPoints { get; init; } = 8;

    /// <summary>The p of the attacks whose hidden embeddings are projected.</summary>
    public decimal ProjectedRatio { get; init; } = 0.1m;

    /// <summary>Prompts of each kind in a projection.</summary>
    public int ProjectedPrompts { get; init; } = 60;

    /// <summary>The device and the precision of its products, on which the last bits depend.</summary>
    public string Arithmetic { get; init; } = "cpu, float32";

    /// <summary>A fraction of the steps and of the questions: a look at the machinery, no evidence.</summary>
    public static LabSettings Quick { get; } = new()
    {
        World = new() { TestCount = 50, ProbeCount = 50 },
        Base = Cosine(batch: 32, steps: 150, rate: 3e-3, decay: 0.01),
        Align = Cosine(batch: 16, steps: 60, rate: 1e-3, decay: 0.1),
        AlignAdapter = Cosine(batch: 16, steps: 60, rate: 3e-3, decay: 0.1),
        Attack = Cosine(batch: 10, steps: 40, rate: 3e-4, decay: 0.1),
    };

    private static TrainOptions Cosine(int batch, int steps, double rate, double decay) => new(
        batch, new AdamWOptions(rate, decay), MaxSteps: steps, Schedule: ScheduleKind.Cosine, WarmupRatio: 0.1);
}
