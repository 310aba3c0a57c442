using VaccineRef.Core;
using VaccineRef.Laws;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>Other settings of rules than those of <see cref="RuleCases"/>, which change what a rule does.</summary>
public static class RuleVariants
{
    /// <summary>The rules of the list, and their variants.</summary>
    public static IReadOnlyList<RuleCase> All { get; } =
    [
        .. RuleCases.All,
        new("vaccine elsewhere", new VaccineOptions(
            0.5, PerturbationNorm.Sample, PassDropout.Fresh, [SiteKind.MlpOutput, SiteKind.TokenEmbedding])),
        new("pgd_vaccine, short steps", new PgdVaccineOptions(
            0.5, Steps: 2, StepLength: 0.3, PerturbationNorm.Sample, PassDropout.Fresh)),
        new("random_layers, none frozen", new RandomLayersOptions(0.5, Layers: 1, ResampleEvery: 2, Freeze: false)),
        new("t_vaccine, as released", new TVaccineOptions(
            0.5, Layers: 1, ResampleEvery: 1, ProbeEvery: 3, Variant.AsReleased)),
        new("oasis, as released", new OasisOptions(0.5, Layers: 1, ProbeEvery: 3, Variant.AsReleased)),
        new("lat, one layer", new LatOptions(0.2, Steps: 3, Layers: [0], Sites: [SiteKind.BlockOutput])),
        new("asam, davda54", new AsamOptions(0.3, AsamForm.Davda54, Dropout: PassDropout.Fresh)),
        new("booster with vaccine", new BoosterOptions(0.7, 0.2, Rho: 0.5, PassDropout.Fresh)),
        new("booster without weight", new BoosterOptions(Lambda: 0)),
        new("vaa, always the group", new VaaOptions(
            0.3, Lambda: 0, VaaSchedule.Constant, Probability: 0.9, ProbabilityRate: 0))
        {
            ChoosesItsData = true,
        },
    ];
}
