using System.Text.Json;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.World;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Lab;

/// <summary>The synthetic world as the lab's subject. The defaults follow a study of this world at this size.</summary>
public sealed record SyntheticLab : ILabSubject
{
    /// <summary>Sizes of the world's splits. The user's data has the size that a cell's attack says.</summary>
    public WorldSettings World { get; init; } = new();

    /// <summary>Pre-training of the base.</summary>
    public TrainOptions Base { get; init; } = Cosine(batch: 32, steps: 600, rate: 3e-3, decay: 0.01);

    /// <summary>Alignment of all weights.</summary>
    public TrainOptions Align { get; init; } = Cosine(batch: 16, steps: 800, rate: 1e-3, decay: 0.1);

    /// <summary>Alignment through an adapter.</summary>
    public TrainOptions AlignAdapter { get; init; } = Cosine(batch: 16, steps: 1600, rate: 3e-3, decay: 0.1);

    /// <summary>The user's fine-tuning: five times through the data, 200 steps for 400 examples.</summary>
    public TrainOptions Attack { get; init; } = Cosine(batch: 10, steps: 0, rate: 3e-4, decay: 0.1) with { Epochs = 5 };

    /// <summary>Rank of the adapters.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>alpha / rank of the adapters.</summary>
    public double Scaling { get; init; } = 2;

    /// <summary>A fraction of the steps and of the questions: a look at the machinery, no evidence.</summary>
    internal static SyntheticLab Quick { get; } = new()
    {
        World = new() { TestCount = 50, ProbeCount = 50 },
        Base = Cosine(batch: 32, steps: 150, rate: 3e-3, decay: 0.01),
        Align = Cosine(batch: 16, steps: 60, rate: 1e-3, decay: 0.1),
        AlignAdapter = Cosine(batch: 16, steps: 60, rate: 3e-3, decay: 0.1),
        Attack = Cosine(batch: 10, steps: 40, rate: 3e-4, decay: 0.1),
    };

    TrainOptions ILabSubject.Training(LabCell cell) => Training(cell);

    int ILabSubject.Steps(LabCell cell) => Training(cell).MaxSteps;

    string ILabSubject.Key(LabCell cell) => JsonSerializer.Serialize(
        cell switch
        {
            { Attack: not null } => new(null, Rank, Scaling),
            { Arm: { Method: not null, Adapters: LabAdapters.Double or LabAdapters.Single } } => new(null, Rank, Scaling),
            { Arm.Method: not null } => new(null, null, null),
            _ => new SyntheticKey(World with { AttackCount = 1 }, null, null),
        }, SyntheticJson.Default.SyntheticKey);

    IReadOnlyList<LabData> ILabSubject.Manifest(ulong seed)
    {
        var world = new SyntheticWorld(seed, World);
        return
        [
            Data(seed, "base", world.Pretraining(Base.BatchSize * Base.MaxSteps)), Data(seed, "alignment", world.Alignment()),
            Data(seed, "harmful test", world.HarmfulTest), Data(seed, "benign test", world.BenignTest),
        ];
    }

    ILabMaterial ILabSubject.Open(LabCell cell, Device device) => new SyntheticMaterial(this, cell, device);

    private TrainOptions Training(LabCell cell) => cell switch
    {
        { Attack: { } attack } => Times(Attack, attack.StepFactor, attack.Samples + Defenses.Guards(cell.Arm.Defense)),
        { Arm: { Method: not null, Adapters: LabAdapters.Double or LabAdapters.Single } arm } =>
            Times(AlignAdapter, arm.StepFactor, Examples),
        { Arm: { Method: not null } arm } => Times(Align, arm.StepFactor, Examples),
        _ => Base,
    };

    private int Examples => World.AlignmentRefusals + World.AlignmentHelpful;

    private static TrainOptions Times(TrainOptions options, double factor, int examples) =>
        options with { MaxSteps = Math.Max(1, (int)Math.Round(factor * options.Steps(examples))) };

    private static LabData Data(ulong seed, string stage, IEnumerable<WorldExample> examples) =>
        LabData.Of(seed, stage, [.. examples.Select(example => $"{example.Prompt}\n{example.Answer}\n")]);

    private static TrainOptions Cosine(int batch, int steps, double rate, double decay) => new(
        batch, new AdamWOptions(rate, decay), MaxSteps: steps, Schedule: ScheduleKind.Cosine, WarmupRatio: 0.1);
}

internal sealed record SyntheticKey(WorldSettings? World, int? Rank, double? Scaling);

[JsonSerializable(typeof(SyntheticKey))]
internal sealed partial class SyntheticJson : JsonSerializerContext;
