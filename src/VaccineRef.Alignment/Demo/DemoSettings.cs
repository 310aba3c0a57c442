using VaccineRef.Alignment.World;

namespace VaccineRef.Alignment.Demo;

/// <summary>
/// The demo's settings. The defaults follow a study of this world at this size: all-weight alignment on refusals and ordinary
/// answers, a LoRA attack, rho = 1.
/// </summary>
public sealed record DemoSettings
{
    /// <summary>Each seed is its own world, base model, split, alignment order and attack.</summary>
    public IReadOnlyList<ulong> Seeds { get; init; } = [10, 11, 12, 13];

    /// <summary>Shares of harmful examples in the user's data.</summary>
    public IReadOnlyList<decimal> HarmfulRatios { get; init; } = [0m, 0.05m, 0.1m];

    /// <summary>Radius of Vaccine's ball.</summary>
    public double Rho { get; init; } = 1;

    /// <summary>Sizes of the world's splits.</summary>
    public WorldSettings World { get; init; } = new();

    /// <summary>Hidden size; the feed-forward size is 2.75 times it.</summary>
    public int Hidden { get; init; } = 64;

    /// <summary>Transformer blocks.</summary>
    public int Layers { get; init; } = 4;

    /// <summary>Attention heads.</summary>
    public int Heads { get; init; } = 4;

    /// <summary>Pre-training of the base.</summary>
    public TrainOptions Base { get; init; } = Cosine(batch: 32, steps: 600, rate: 3e-3, decay: 0.01);

    /// <summary>Alignment of all weights.</summary>
    public TrainOptions Align { get; init; } = Cosine(batch: 16, steps: 800, rate: 1e-3, decay: 0.1);

    /// <summary>The user's fine-tuning, through a fresh adapter.</summary>
    public TrainOptions Attack { get; init; } = Cosine(batch: 10, steps: 200, rate: 3e-4, decay: 0.1);

    /// <summary>Rank of the attack's adapter.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>alpha / rank of the attack's adapter.</summary>
    public double Scaling { get; init; } = 2;

    /// <summary>One seed, one attack: a look at the machinery in under a minute, no evidence.</summary>
    public static DemoSettings Quick { get; } = new() { Seeds = [10], HarmfulRatios = [0.05m] };

    private static TrainOptions Cosine(int batch, int steps, double rate, double decay) => new(
        batch, new AdamWOptions(rate, decay), MaxSteps: steps, Schedule: ScheduleKind.Cosine, WarmupRatio: 0.1);
}
