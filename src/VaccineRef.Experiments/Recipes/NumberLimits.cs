using System.Globalization;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Edits;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.World;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Recipes;

/// <summary>The numbers from which the value of a key is taken.</summary>
/// <param name="Least">The least; -infinity for none.</param>
/// <param name="Most">The most; infinity for none.</param>
/// <param name="AboveLeast">Whether the least itself is left out.</param>
/// <param name="BelowMost">Whether the most itself is left out.</param>
public readonly record struct NumberRange(double Least, double Most, bool AboveLeast = false, bool BelowMost = false)
{
    /// <summary>Whether a number is among them.</summary>
    public bool Contains(double value) =>
        (AboveLeast ? value > Least : value >= Least) && (BelowMost ? value < Most : value <= Most);

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{(AboveLeast ? "above " : "at least ")}{Least}, {(BelowMost ? "below " : "at most ")}{Most}");
}

/// <summary>
/// The range of every number of a recipe. One place says them for the reader, the schema and the tests. Where a number
/// has no natural bound, the bound keeps products of counters within their types, and squares within the range of
/// float.
/// </summary>
public static class NumberLimits
{
    private const double Count = 1 << 20, Rows = 100_000_000, Widest = 16384;

    // Squares of norms are added up in float: (1e18)^2 = 1e36, and the largest float is 3.4e38.
    private const double Large = 1e18;

    private static readonly NumberRange Share = new(0, 1), Positive = new(0, Large, AboveLeast: true),
        AnySize = new(0, Large);

    private static readonly Dictionary<(Type, string), NumberRange> Ranges = new()
    {
        [(typeof(Recipe), "seed")] = new(0, ulong.MaxValue),
        [(typeof(Recipe), "max_length")] = new(2, Count),
        [(typeof(KeepOptions), "seeds")] = new(0, int.MaxValue),
        [(typeof(CheckpointOptions), "every_steps")] = new(0, int.MaxValue),
        [(typeof(CheckpointOptions), "every_minutes")] = new(0, Count),
        [(typeof(ReportOptions), "capability_guard")] = new(0, 100),
        [(typeof(ConvergenceOptions), "most_loss")] = AnySize,
        [(typeof(ConvergenceOptions), "most_adapter_loss")] = AnySize,
        [(typeof(ConvergenceOptions), "least_refused")] = new(0, 100),
        [(typeof(WorldModelOptions), "hidden")] = new(4, 4096),
        [(typeof(WorldModelOptions), "layers")] = new(1, 4096),
        [(typeof(WorldModelOptions), "heads")] = new(1, 4096),
        [(typeof(ScaleResidualStreamOptions), "factor")] = Positive,
        [(typeof(LoxOptions), "rank")] = new(0, Widest),
        [(typeof(LoxOptions), "factor")] = AnySize,
        [(typeof(SafeLoraOptions), "layers")] = new(0, Count),
        [(typeof(SafeLoraOptions), "threshold")] = new(-1, 1),
        [(typeof(SafeLoraOptions), "rank")] = new(0, Widest),
        [(typeof(AntidoteOptions), "ratio")] = Share,
        [(typeof(SafeDeltaOptions), "strength")] = AnySize,
        [(typeof(MixedInOptions), "count")] = new(1, Rows),
        // the hidden size of the largest published Llama
        [(typeof(LoraOptions), "rank")] = new(1, Widest),
        [(typeof(LoraOptions), "alpha")] = Positive,                        // 0 would train nothing
        [(typeof(LoraOptions), "dropout")] = new(0, 1, BelowMost: true),
        [(typeof(TrainingOptions), "epochs")] = new(0, Count),
        [(typeof(TrainingOptions), "max_steps")] = new(0, int.MaxValue),
        [(typeof(TrainingOptions), "batch_size")] = new(1, Count),
        [(typeof(TrainingOptions), "accumulation")] = new(1, Count),
        [(typeof(TrainingOptions), "learning_rate")] = new(0, double.MaxValue),
        [(typeof(TrainingOptions), "weight_decay")] = new(0, double.MaxValue),
        [(typeof(TrainingOptions), "beta1")] = new(0, 1, BelowMost: true),
        [(typeof(TrainingOptions), "beta2")] = new(0, 1, BelowMost: true),
        [(typeof(TrainingOptions), "adam_epsilon")] = new(0, 1, AboveLeast: true, BelowMost: true),
        [(typeof(SgdOptions), "momentum")] = new(0, 1, BelowMost: true),
        [(typeof(SgdOptions), "dampening")] = Share,
        [(typeof(RmsPropOptions), "alpha")] = new(0, 1, BelowMost: true),
        [(typeof(RmsPropOptions), "epsilon")] = new(0, 1, AboveLeast: true, BelowMost: true),
        [(typeof(RmsPropOptions), "momentum")] = new(0, 1, BelowMost: true),
        [(typeof(MuonOptions), "momentum")] = new(0, 1, BelowMost: true),
        [(typeof(MuonOptions), "adam_factor")] = AnySize,
        [(typeof(TrainingOptions), "max_gradient_norm")] = new(0, double.MaxValue),
        [(typeof(TrainingOptions), "warmup_ratio")] = Share,
        [(typeof(VaccineOptions), "rho")] = AnySize,
        [(typeof(AcceleratedVaccineOptions), "rho")] = AnySize,
        [(typeof(AcceleratedVaccineOptions), "tau")] = new(1, Count),
        [(typeof(RandomPerturbationOptions), "variance")] = AnySize,
        [(typeof(RandomDirectionOptions), "rho")] = AnySize,
        [(typeof(PgdVaccineOptions), "rho")] = AnySize,
        [(typeof(PgdVaccineOptions), "steps")] = new(1, Count),
        [(typeof(PgdVaccineOptions), "step_length")] = AnySize,
        [(typeof(AdaptiveVaccineOptions), "rho")] = AnySize,
        [(typeof(RandomLayersOptions), "rho")] = AnySize,
        [(typeof(RandomLayersOptions), "layers")] = new(1, Count),
        [(typeof(RandomLayersOptions), "resample_every")] = new(1, Count),
        [(typeof(TVaccineOptions), "rho")] = AnySize,
        [(typeof(TVaccineOptions), "layers")] = new(1, Count),
        [(typeof(TVaccineOptions), "resample_every")] = new(1, Count),
        [(typeof(TVaccineOptions), "probe_every")] = new(1, Count),
        [(typeof(OasisOptions), "rho")] = AnySize,
        [(typeof(OasisOptions), "layers")] = new(1, Count),
        [(typeof(OasisOptions), "probe_every")] = new(1, Count),
        [(typeof(LatOptions), "epsilon")] = Positive,
        [(typeof(LatOptions), "steps")] = new(1, Count),
        [(typeof(LatOptions), "learning_rate")] = AnySize,
        [(typeof(SamOptions), "rho")] = AnySize,
        [(typeof(AsamOptions), "rho")] = AnySize,
        [(typeof(AsamOptions), "eta")] = AnySize,
        [(typeof(BoosterOptions), "lambda")] = AnySize,
        [(typeof(BoosterOptions), "alpha")] = AnySize,
        [(typeof(BoosterOptions), "rho")] = AnySize,
        [(typeof(BoosterOnEmbeddingsOptions), "lambda")] = AnySize,
        [(typeof(BoosterOnEmbeddingsOptions), "alpha")] = AnySize,
        [(typeof(PanaceaOptions), "lambda")] = AnySize,
        [(typeof(PanaceaOptions), "rho")] = AnySize,
        [(typeof(VaaOptions), "rho")] = AnySize,
        [(typeof(VaaOptions), "lambda")] = Share,
        [(typeof(VaaOptions), "probability")] = new(VaaGroups.Least, VaaGroups.Most),
        [(typeof(VaaOptions), "probability_rate")] = AnySize,
        [(typeof(RebellionOptions), "rho")] = AnySize,
        [(typeof(LisaOptions), "rho")] = AnySize,
        [(typeof(LisaOptions), "alignment_steps")] = new(0, Count),
        [(typeof(LisaOptions), "task_steps")] = new(1, Count),
        [(typeof(LisaOptions), "free_share")] = Share,
        [(typeof(SafeGradOptions), "rho")] = AnySize,
        [(typeof(SeamOptions), "alpha")] = AnySize,
        [(typeof(SeamOptions), "beta")] = AnySize,
        [(typeof(SeamOptions), "epsilon")] = Positive,
        [(typeof(SeamOptions), "unlearning")] = AnySize,
        [(typeof(RepNoiseOptions), "alpha")] = AnySize,
        [(typeof(RepNoiseOptions), "beta")] = AnySize,
        [(typeof(TarOptions), "weight")] = AnySize,
        [(typeof(TarOptions), "steps")] = new(1, Count),
        [(typeof(TarOptions), "every")] = new(1, Count),
        [(typeof(TarOptions), "growth")] = AnySize,
        [(typeof(SurgeryOptions), "alpha")] = AnySize,
        [(typeof(SbrOptions), "lambda")] = AnySize,
        [(typeof(StreamOptions), "batch_size")] = new(0, Count),
        [(typeof(WorldHarmfulOptions), "count")] = new(1, Count),
        [(typeof(EwcOptions), "lambda")] = AnySize,
        [(typeof(KlOptions), "lambda")] = AnySize,
        [(typeof(LdifsOptions), "lambda")] = AnySize,
        [(typeof(AsftOptions), "lambda")] = AnySize,
        [(typeof(EarlyTokensOptions), "first_beta")] = Positive,
        [(typeof(EarlyTokensOptions), "early_beta")] = Positive,
        [(typeof(EarlyTokensOptions), "later_beta")] = Positive,
        [(typeof(EarlyTokensOptions), "early")] = new(1, Count),
        [(typeof(FileDataOptions), "count")] = new(0, Rows),
        [(typeof(MixtureOptions), "harmful_ratio")] = Share,
        [(typeof(MixtureOptions), "samples")] = new(1, Rows),
        [(typeof(WorldPretrainingOptions), "count")] = new(1, 10_000_000),
        [(typeof(WorldAttackOptions), "harmful_ratio")] = Share,
        [(typeof(WorldAttackOptions), "samples")] = new(1, Rows),
        [(typeof(WorldOptions), "test_count")] = new(1, Count),
        [(typeof(WorldOptions), "pool_count")] = new(1, Count),
        [(typeof(WorldOptions), "alignment_refusals")] = new(0, Count),
        [(typeof(WorldOptions), "alignment_helpful")] = new(0, Count),
        [(typeof(WorldOptions), "probe_count")] = new(0, Count),
        [(typeof(WorldOptions), "neutral_style_share")] = Share,
        [(typeof(EvaluationOptions), "curve_points")] = new(0, Count),
        [(typeof(EvaluationOptions), "perturbation_points")] = new(0, Count),
        [(typeof(EvaluationOptions), "projected_prompts")] = new(0, Count),
        [(typeof(EvaluationOptions), "sharpness")] = Share,
        [(typeof(HeldOutOptions), "harmful_tokens")] = new(1, Count),
        [(typeof(HeldOutOptions), "task_tokens")] = new(1, Count),
        [(typeof(HeldOutOptions), "temperature")] = AnySize,
        [(typeof(HeldOutOptions), "top_k")] = new(0, int.MaxValue),
        [(typeof(HeldOutOptions), "top_p")] = new(0, 1, AboveLeast: true),
        [(typeof(HeldOutOptions), "probe_count")] = new(0, Rows),
        [(typeof(SyntheticJudgeOptions), "world_seed")] = new(0, ulong.MaxValue),
        [(typeof(ModerationJudgeOptions), "threshold")] = new(0, 1, AboveLeast: true, BelowMost: true),
    };

    /// <summary>
    /// The range of a key; null where it holds no number, or a kind that another program defines has it.
    /// </summary>
    /// <param name="owner">The record whose key it is; what its families have counts for it too.</param>
    /// <param name="key">The key's name.</param>
    public static NumberRange? Of(Type owner, string key)
    {
        for (Type? type = owner; type is not null; type = type.BaseType)
            if (Ranges.TryGetValue((type, key), out var range))
                return range;
        return null;
    }
}
