using VaccineRef.Verification.Conform;

namespace VaccineRef.Verification.Tests.Conform;

/// <summary>Every known defect, planted in a port that was written by hand, is named; a right port conforms.</summary>
public sealed class ConformPlantedTests(ConformKitFixture kit) : IClassFixture<ConformKitFixture>
{
    // On any case with two steps of one batch.
    private static readonly string[] Anywhere =
    [
        "norm_per_layer", "norm_per_sample", "norm_per_token", "norm_sum_of_layers", "norm_squared", "norm_missing",
        "sign_of_gradient", "norm_counts_mlp", "guard_missing", "rho_squared", "rho_root", "wrong_sign",
        "missing_last_site", "missing_first_site", "extra_mlp_sites", "extra_embedding_site", "site_mlp",
        "site_after_block", "site_before_projection", "stale_epsilon", "never_applied", "applied_twice",
        "first_pass_moved_too", "epsilon_through_graph", "second_pass_missing", "first_pass_kept", "never_zeroed",
        "loss_summed", "loss_mean_of_sequences", "labels_not_shifted", "labels_shifted_twice", "prompt_counted",
        "padding_counted", "decay_of_vectors", "no_decay", "coupled_decay", "no_clipping", "clipped_each_tensor",
        "no_bias_correction", "adam_epsilon_inside", "dropout_anew",
    ];

    public static TheoryData<string, string> Planted
    {
        get
        {
            TheoryData<string, string> data = [];
            foreach (string @case in (string[])["llama_mha", "opt"])
                foreach (string defect in Anywhere)
                    data.Add(@case, defect);
            foreach (var (@case, defect) in new[]
            {
                ("llama_accumulation", "accumulation_lost"), ("opt_accumulation", "accumulation_lost"),
                ("llama_accumulation", "parts_summed"),
                ("llama_accumulation", "ball_of_other_parts"), ("llama_ranks", "ball_of_other_parts"),
                ("llama_ranks", "parts_summed"),
                ("llama_left_padding", "mask_ignored"), ("opt_left_padding", "mask_ignored"),
                ("llama_lora", "lora_alpha"),
                ("llama_lora", "lora_scale_quarter"), ("llama_lora", "first_pass_kept"),
                ("llama_random", "noise_deviation"),
                ("llama_accelerated", "tau_from_zero"), ("llama_kl", "kl_over_time"), ("gpt2", "norm_per_layer"),
                ("llama_layers", "unchosen_layers_moved"), ("llama_layers", "unchosen_layers_trained"),
                ("llama_adaptive", "not_adaptive"), ("llama_adaptive", "adaptive_once"),
                ("llama_adaptive", "norm_per_layer"),
                ("llama_adaptive", "second_pass_missing"), ("llama_adaptive", "ball_of_other_parts"),
                ("llama_sam", "norm_per_tensor"),
                ("llama_sam", "weights_not_restored"), ("llama_sam", "never_applied"), ("llama_sam", "wrong_sign"),
                ("llama_sam", "rho_squared"),
                ("llama_sam", "first_pass_kept"), ("llama_sam", "second_pass_missing"), ("llama_sam", "no_decay"),
                ("llama_layers", "unchosen_layers_decayed"), ("llama_layers", "norm_per_layer"),
                ("llama_layers", "no_decay"),
            })
                data.Add(@case, defect);
            return data;
        }
    }

    public static TheoryData<string> Cases =>
    [
        "llama_mha", "llama_gqa", "llama_tied", "llama_lora", "llama_left_padding", "llama_accumulation", "llama_ranks",
        "llama_random", "llama_accelerated", "llama_kl", "llama_adaptive", "llama_sam", "llama_layers", "opt",
        "opt_left_padding", "opt_accumulation", "gpt2",
    ];

    [Theory]
    [MemberData(nameof(Planted))]
    public void A_planted_defect_is_named(string @case, string defect)
    {
        var report = kit.Check(kit.ByHand(@case, defect));
        Assert.Equal(Verdict.KnownDeviation, report.Verdict);
        Assert.Contains(report.Deviations, deviation => deviation.Id == defect);
        if (report.Deviations.Count > 1)
            Assert.NotNull(report.ToldApartBy);
        Assert.NotNull(report.FirstDivergence);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_right_port_conforms(string @case)
    {
        var report = kit.Check(kit.ByHand(@case, ""));
        Assert.True(report.Verdict == Verdict.Conforms, $"{report.FirstDivergence}");
        Assert.True(report.Checked > 50);
    }
}
