using VaccineRef.Core;

namespace VaccineRef.Verification.Conform;

/// <summary>A known defect: one variation of the reference, and what it is called.</summary>
/// <param name="Id">The name in reports and in lists of known failures.</param>
/// <param name="Title">What the port does, as the end of "your trace equals".</param>
/// <param name="Apply">The one thing that it does otherwise.</param>
internal sealed record Hypothesis(string Id, string Title, Func<Variation, Variation> Apply)
{
    /// <summary>Where to read about it.</summary>
    public string? See { get; init; }

    /// <summary>
    /// What the recomputation itself is off by, relative to what it changes, where that is more than rounding.
    /// </summary>
    public double OwnError { get; init; }
}

/// <summary>The known defects.</summary>
internal static class Hypotheses
{
    private static bool Attention(Site site) => site.Kind == SiteKind.AttentionOutput;

    /// <summary>All of them; each is one variation.</summary>
    public static IReadOnlyList<Hypothesis> All { get; } =
    [
        new("norm_per_layer", "a norm for each layer instead of one over all", v => v with { Norm = NormKind.Site }),
        new("norm_per_sample", "a norm for each sequence instead of one over the batch", v => v with { Norm = NormKind.Sample }),
        new("norm_per_token", "a norm for each token instead of one over the batch", v => v with { Norm = NormKind.Token }),
        new("norm_sum_of_layers", "the sum of the layers' norms instead of the root of the sum of their squares",
            v => v with { Norm = NormKind.SumOfSites }),
        new("norm_squared", "the square of the norm: the root is missing", v => v with { Norm = NormKind.Squared }),
        new("norm_missing", "no norm at all: eps = rho g", v => v with { Norm = NormKind.None }),
        new("sign_of_gradient", "the sign of the gradient instead of its direction", v => v with { Norm = NormKind.Sign }),
        new("norm_per_tensor", "a norm for each tensor of the weights instead of one over all", v => v with { Norm = NormKind.Tensor }),
        new("not_adaptive", "the size of the embeddings left out: Vaccine's own perturbation", v => v with { Sizing = Sizing.None }),
        new("adaptive_once", "the size of the embeddings once instead of squared: eps = rho |e| g / || |e| g ||",
            v => v with { Sizing = Sizing.Once }),
        new("norm_counts_mlp", "feed-forward outputs counted in the norm, but not moved",
            v => v with { Counts = (site, _) => site.Kind is SiteKind.AttentionOutput or SiteKind.MlpOutput }) { See = "D2" },
        new("ball_of_other_parts", "the norm over the wrong parts: rank-local where the ranks share a ball, over all micro-batches where "
            + "each has its own", v => v with { OtherBalls = true }),
        new("guard_missing", "no 1e-7 beside the norm, or one too small to matter, such as SAM's 1e-12", v => v with { Guard = 0 }),
        new("rho_squared", "rho squared instead of rho", v => v with { Radius = rho => rho * rho }),
        new("rho_root", "the root of rho instead of rho", v => v with { Radius = Math.Sqrt }),
        new("wrong_sign", "the perturbation with the wrong sign: downhill", v => v with { Radius = rho => -rho }),
        new("missing_last_site", "the last layer's site missing", v => v with { Moves = (s, n) => Attention(s) && s.Layer < n - 1 }),
        new("missing_first_site", "the first layer's site missing", v => v with { Moves = (s, _) => Attention(s) && s.Layer > 0 }),
        new("extra_mlp_sites", "feed-forward outputs moved too",
            v => v with { Moves = (site, _) => site.Kind is SiteKind.AttentionOutput or SiteKind.MlpOutput }) { See = "D2" },
        new("extra_embedding_site", "the token embedding moved too",
            v => v with { Moves = (site, _) => site.Kind is SiteKind.AttentionOutput or SiteKind.TokenEmbedding }),
        new("site_mlp", "feed-forward outputs moved instead of attention outputs",
            v => v with { Moves = (site, _) => site.Kind == SiteKind.MlpOutput }),
        new("site_after_block", "the residual stream after the block moved instead of the attention output",
            v => v with { Moves = (site, _) => site.Kind == SiteKind.BlockOutput }),
        new("site_before_projection", "attention moved before its output projection", v => v with { BeforeProjection = true }),
        new("stale_epsilon", "the perturbation of the step before", v => v with { Stale = true }),
        new("never_applied", "the second pass without the perturbation", v => v with { Applied = 0 }) { See = "D23" },
        new("applied_twice", "the perturbation added twice", v => v with { Applied = 2 }),
        new("first_pass_moved_too", "the first pass perturbed by the step before: its hooks are still there",
            v => v with { AlsoFirstPass = true }),
        new("epsilon_through_graph", "the gradient taken through the perturbation, which is not held constant",
            v => v with { ThroughGraph = true }) { OwnError = 1e-6 },
        new("second_pass_missing", "the first pass's gradient alone: no second pass", v => v with { NoSecondPass = true }),
        new("weights_not_restored", "the update made to the moved weights: they were not put back", v => v with { NotRestored = true }),
        new("first_pass_kept", "the first pass's gradient left in", v => v with { FirstPassKept = true }) { See = "D6" },
        new("accumulation_lost", "the gradients of all parts but the last lost", v => v with { Parts = PartSum.LastOnly }) { See = "D6" },
        new("parts_summed", "the gradients of the parts summed instead of averaged", v => v with { Parts = PartSum.Sum }),
        new("never_zeroed", "the gradients of the steps before left in", v => v with { NeverZeroed = true }),
        new("loss_summed", "the loss summed over tokens instead of averaged", v => v with { Reduction = LossReduction.Sum }),
        new("loss_mean_of_sequences", "the mean of the sequences' mean losses instead of the mean over tokens",
            v => v with { Reduction = LossReduction.SequenceMean }),
        new("labels_not_shifted", "labels not shifted: every position predicts itself", v => v with { Labels = LabelShift.None }),
        new("labels_shifted_twice", "labels shifted twice", v => v with { Labels = LabelShift.Twice }),
        new("prompt_counted", "the prompt counted in the loss", v => v with { PromptCounted = true }),
        new("mask_ignored", "the attention mask ignored", v => v with { MaskIgnored = true }),
        new("padding_counted", "padding attended to, predicted, and counted in loss and norm",
            v => v with { MaskIgnored = true, PaddingCounted = true }),
        new("kl_over_time", "KL over positions instead of the vocabulary", v => v with { KlOverTime = true }) { See = "D9" },
        new("lora_alpha", "LoRA scaled by alpha instead of alpha / r", v => v with { AdapterScale = Rank }),
        new("lora_scale_quarter", "LoRA with a quarter of its scale: alpha 1 where the first release had 4",
            v => v with { AdapterScale = 0.25 }) { See = "D1" },
        new("noise_deviation", "rho' taken as the noise's standard deviation instead of its variance",
            v => v with { Deviation = rho => rho }) { See = "D3" },
        new("tau_from_zero", "the perturbed steps counted from 0", v => v with { TauOffset = -1 }),
        new("unchosen_layers_moved", "layers moved and counted in the norm that were not chosen", v => v with { LayersIgnored = true }),
        new("unchosen_layers_trained", "the parameters of layers trained that were not chosen", v => v with { HeldTrained = true }),
        new("unchosen_layers_decayed", "the gradients of layers that were not chosen set to zero, with momentum and decay left on",
            v => v with { HeldZeroed = true }),
        new("decay_of_vectors", "weight decay on norms and biases", v => v with { DecayVectors = true }),
        new("no_decay", "no weight decay", v => v with { NoDecay = true }),
        new("coupled_decay", "weight decay added to the gradient: Adam with L2, not AdamW", v => v with { CoupledDecay = true }),
        new("no_clipping", "the gradient not clipped", v => v with { NoClipping = true }),
        new("clipped_each_tensor", "every tensor clipped by its own norm", v => v with { ClipEachTensor = true }),
        new("no_bias_correction", "Adam without bias correction", v => v with { NoBiasCorrection = true }),
        new("adam_epsilon_inside", "Adam's epsilon inside the root", v => v with { EpsilonInsideRoot = true }),
    ];

    /// <summary>Stands for the adapter's rank, which the simulation knows.</summary>
    public const double Rank = -1;
}
