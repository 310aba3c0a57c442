using VaccineRef.Core;
using VaccineRef.Training;

namespace VaccineRef.Laws;

/// <summary>All that the laws need to know of a gradient rule.</summary>
/// <param name="Name">The name, as recipes call the rule.</param>
/// <param name="Options">The rule, with the settings that it is checked with.</param>
public sealed record RuleCase(string Name, RuleOptions Options)
{
    /// <summary>The settings at which the rule is the plain one, such as rho = 0; null if there are none.</summary>
    public RuleOptions? AsPlain { get; init; }

    /// <summary>
    /// Whether what the rule adds to the model follows from the random stream alone. The gradient is then the slope of
    /// the loss that it reports. For Vaccine it is not: the perturbation follows from the weights, and is held.
    /// </summary>
    public bool IsSlopeOfItsLoss { get; init; }

    /// <summary>
    /// Whether the rule may train on other data than the batch that it is given; its losses are then of those.
    /// </summary>
    public bool ChoosesItsData { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>Every rule that a recipe can name, one line each. A test fails if a rule has no line.</summary>
public static class RuleCases
{
    private const double Rho = 0.5;

    /// <summary>The cases.</summary>
    public static IReadOnlyList<RuleCase> All { get; } =
    [
        new("plain", new PlainOptions()) { AsPlain = new PlainOptions(), IsSlopeOfItsLoss = true },
        new("vaccine", new VaccineOptions(Rho)) { AsPlain = new VaccineOptions(0) },
        new("accelerated_vaccine", new AcceleratedVaccineOptions(Rho, 2))
            { AsPlain = new AcceleratedVaccineOptions(0, 2) },
        new("random", new RandomPerturbationOptions(Rho))
            { AsPlain = new RandomPerturbationOptions(0), IsSlopeOfItsLoss = true },
        new("random_direction", new RandomDirectionOptions(Rho))
            { AsPlain = new RandomDirectionOptions(0), IsSlopeOfItsLoss = true },
        new("pgd_vaccine", new PgdVaccineOptions(Rho, Steps: 3)) { AsPlain = new PgdVaccineOptions(0, Steps: 3) },
        new("adaptive_vaccine", new AdaptiveVaccineOptions(Rho)) { AsPlain = new AdaptiveVaccineOptions(0) },
        new("random_layers", new RandomLayersOptions(Rho, 1))
            { AsPlain = new RandomLayersOptions(0, 1, Freeze: false) },
        new("t_vaccine", new TVaccineOptions(Rho, 1, ResampleEvery: 2, ProbeEvery: 3)),
        new("oasis", new OasisOptions(Rho, 1, ProbeEvery: 2)),
        new("lat", new LatOptions(Rho, Steps: 2)) { AsPlain = new LatOptions(Rho, Steps: 2, LearningRate: 0) },
        new("sam", new SamOptions(Rho)) { AsPlain = new SamOptions(0) },
        new("asam", new AsamOptions(Rho)) { AsPlain = new AsamOptions(0) },
        new("booster", new BoosterOptions(Lambda: 0.7)) { AsPlain = new BoosterOptions(Lambda: 0) },
        new("booster_on_embeddings", new BoosterOnEmbeddingsOptions(Lambda: 0.7))
            { AsPlain = new BoosterOnEmbeddingsOptions(Lambda: 0) },
        new("panacea", new PanaceaOptions(Lambda: 0.1, Rho: 0.2)),
        new("vaa", new VaaOptions(Rho, Schedule: VaaSchedule.Constant, ProbabilityRate: 0)) { ChoosesItsData = true },
        new("rebellion", new RebellionOptions(Rho)),
        new("lisa", new LisaOptions(Rho, AlignmentSteps: 1, TaskSteps: 2))
            { AsPlain = new LisaOptions(Rho, AlignmentSteps: 0), ChoosesItsData = true },
        new("safe_grad", new SafeGradOptions(Rho)),
        new("seam", new SeamOptions(Alpha: 0.8)) { AsPlain = new SeamOptions(Beta: 0, Unlearning: 0) },
        new("rep_noise", new RepNoiseOptions(Alpha: 0.7, Beta: 0.3)) { AsPlain = new RepNoiseOptions(Alpha: 0, Beta: 0) },
        new("tar", new TarOptions(Weight: 0.7, Steps: 3, Every: 2, Rates: [1e-4])) { AsPlain = new TarOptions(Weight: 0) },
        new("surgery", new SurgeryOptions(Alpha: 3)) { AsPlain = new SurgeryOptions(Alpha: 0) },
        new("sbr", new SbrOptions(Lambda: 3)) { AsPlain = new SbrOptions(Lambda: 0) },
    ];

    /// <summary>The case of this name.</summary>
    /// <exception cref="InputException">There is none.</exception>
    public static RuleCase Named(string name) =>
        All.FirstOrDefault(one => one.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new InputException(
            "there is no such rule", "--rule", name, string.Join(", ", All.Select(one => one.Name)));
}
