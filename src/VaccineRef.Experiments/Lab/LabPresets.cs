using VaccineRef.Core;

namespace VaccineRef.Experiments.Lab;

/// <summary>The grids that come with the program, named after what they vary; each follows a table of the paper.</summary>
public static class LabPresets
{
    /// <summary>The preset that runs all others.</summary>
    public const string All = "all";

    // The study found 1 and 2 equally good, and 1 the more reliable to align.
    private const double Rho = 1;

    private static readonly LabArm Vaccine = LabArm.Vaccine(Rho);
    private static readonly LabAttack Attacked = new(0.1m);

    /// <summary>The paper scales by four families of 1.3B to 13B; here one family by width and depth.</summary>
    private static readonly LabSize Wide = new("831k", 128, 4, 4), Deep = new("1.6M", 128, 8, 4);

    private static readonly decimal[] Ratios = [0m, 0.02m, 0.05m, 0.1m, 0.2m];
    private static readonly int[] Samples = [200, 400, 600, 800, 1000], Taus = [4, 40, 400, 800];
    // The paper mixes 500 of its 2000 alignment samples into 1000 of the user's: here as many for each of them.
    private const int Guards = 200;

    // Chosen on seeds 0 to 2 (docs/lab.md). The Fisher information is a mean over samples here: the paper's lambda, of a sum over its
    // batches, has no counterpart.
    private const double Lambda = 1e9, KlLambda = 0.3, TunedVariance = 0.04, StreamScale = 1.1;
    private static readonly double[] Lambdas = [1e4, 1e8, Lambda, 1e10], KlLambdas = [0.01, 0.1, KlLambda, 1];
    private static readonly int[] Counts = [20, 50, Guards];
    private static readonly double[] Radii = [0.1, 0.25, 0.5, 1, 2, 4], Variances = [1e-4, 1e-3, 5e-3, 1e-2, 0.04, 0.1, 1];

    /// <summary>Every preset but <see cref="Demo"/> and <see cref="All"/>.</summary>
    public static IReadOnlyList<LabPreset> Known { get; } =
    [
        Preset("harmful-ratio", "Table 1", "The share p of harmful data in the user's",
            [LabArm.NonAligned, LabArm.Sft, LabArm.Ewc(LabArm.Sft, Lambda), LabArm.VlGuard(Guards), LabArm.Kl(KlLambda), Vaccine],
            [.. Ratios.Select(p => new LabAttack(p))]),
        Preset("samples", "Table 2", "The number n of the user's examples", [LabArm.NonAligned, LabArm.Sft, Vaccine],
            [.. Samples.Select(n => new LabAttack(0.05m, n))]),
        Preset("rho", "Table 6", "The radius rho of the perturbation",
            [LabArm.Sft, .. Radii.Select(LabArm.Vaccine)], [Attacked]),
        Preset("random", "Table 7", "Random perturbation: Gaussian of variance rho', and of Vaccine's length",
            [LabArm.Sft, Vaccine, LabArm.RandomDirection(Rho), .. Variances.Select(LabArm.Random)],
            [Attacked]),
        Preset("lora", "Table 8", "Single LoRA, double LoRA, and all weights",
            [
                .. from adapters in (LabAdapters[])[LabAdapters.Single, LabAdapters.Double, LabAdapters.Full]
                   from arm in (LabArm[])[LabArm.Sft, Vaccine]
                   select adapters == LabAdapters.Full ? arm : arm with { Name = $"{arm.Name}, {Name(adapters)}", Adapters = adapters },
            ], [Attacked]),
        Preset("ewc", "Table 9", "Vaccine with elastic weight consolidation in the user's fine-tuning",
            [
                LabArm.Sft, Vaccine, .. from arm in (LabArm[])[LabArm.Sft, Vaccine]
                                        from lambda in Lambdas
                                        select LabArm.Ewc(arm, lambda),
            ], [Attacked]),
        Preset("defenses", "none", "How strong the other fine-tuning-stage methods are set: KL's weight, VLGuard's count",
            [LabArm.Sft, Vaccine, .. KlLambdas.Select(LabArm.Kl), .. Counts.Select(LabArm.VlGuard)], [Attacked]),
        Preset("accelerated", "Table 10", "The perturbed pass in every tau-th step only",
            [LabArm.Sft, Vaccine, .. Taus.Select(tau => LabArm.Accelerated(Rho, tau))], [Attacked]),
        Preset("cost", "Tables 5 and 11", "Time, passes and memory of a step",
            [LabArm.Sft with { StepFactor = 0.1 }, Vaccine with { StepFactor = 0.1 }], []) with { Sizes = [LabSize.Tiny, Wide, Deep] },
        Preset("controls", "none", "What else could explain it: compute, length of e, noise, longer and benign attacks",
            [
                LabArm.Sft, Vaccine, LabArm.Sft with { Name = "SFT, twice the steps", StepFactor = 2 },
                LabArm.Sft with { Name = "SFT, e as long as Vaccine's", StreamScale = StreamScale },
                LabArm.RandomDirection(Rho), LabArm.Random(TunedVariance),
            ],
            [new(0), new(0.05m), Attacked, Attacked with { StepFactor = 3 }]),
    ];

    /// <summary>The smallest one: vaccine demo.</summary>
    public static LabPreset Demo { get; } = Preset("demo", "Table 1, in part", "SFT, random direction and Vaccine",
        [LabArm.Sft, LabArm.RandomDirection(Rho), Vaccine], [new(0), new(0.05m), Attacked]);

    /// <summary>The presets that a name on the command line stands for.</summary>
    /// <exception cref="InputException">There is none of that name.</exception>
    public static IReadOnlyList<LabPreset> Named(string name)
    {
        if (name == All)
            return Known;
        return Known.Prepend(Demo).FirstOrDefault(preset => preset.Name == name) is { } found
            ? [found]
            : throw new InputException(
                "there is no such preset", "--preset", name, string.Join(", ", [Demo.Name, .. Known.Select(preset => preset.Name), All]));
    }

    private static string Name(LabAdapters adapters) => adapters == LabAdapters.Single ? "single LoRA" : "double LoRA";

    /// <summary>Vaccine against SFT, over all attacks that hold harmful data.</summary>
    private static LabPreset Preset(
        string name, string table, string title, IReadOnlyList<LabArm> arms, IReadOnlyList<LabAttack> attacks) => new(
        name, table, title, arms, attacks, [LabSize.Tiny],
        new(Vaccine.Name, LabArm.Sft.Name, [.. attacks.Where(attack => attack.HarmfulRatio > 0)]));
}
