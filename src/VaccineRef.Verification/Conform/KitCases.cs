namespace VaccineRef.Verification.Conform;

/// <summary>
/// A case of the kit before it is written: a tiny model's configuration and what a port is asked to do with it.
/// </summary>
/// <param name="Settings">case.json.</param>
/// <param name="Config">config.json.</param>
/// <param name="Padding">Where the padding stands.</param>
/// <param name="LoraRank">The adapter's rank; 0 for none.</param>
internal sealed record KitCase(
    CaseSettings Settings, string Config, PaddingSide Padding = PaddingSide.Right, int LoraRank = 0);

/// <summary>Where a batch's padding stands.</summary>
internal enum PaddingSide
{
    /// <summary>Behind the tokens.</summary>
    Right,

    /// <summary>In front of them.</summary>
    Left,

    /// <summary>There is none: all sequences are of one length.</summary>
    None,
}

/// <summary>The cases of the kit.</summary>
internal static class KitCases
{
    private static readonly OptimizerSettings Optimizer = new(1e-3, 0.1, 0.9, 0.999, 1e-8, 0.5);

    private static readonly string[][] TwoSteps = [["b0"], ["b1"]], TwoPairs = [["b0", "b1"], ["b2", "b3"]];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KitCase> All { get; } =
    [
        Case("llama_mha", "One step after another, full parameters, right padding.", Llama(), open: true),
        Case("llama_gqa", "Fewer key heads than query heads; a small radius.", Llama(keyHeads: 2), rho: 0.3),
        Case("llama_tied", "The head is the embedding; a large radius.", Llama(tied: true), rho: 5),
        Case("llama_lora", "Only an adapter is trained.", Llama(), lora: 4, open: true),
        Case("llama_left_padding", "Padding in front: it must neither be attended to nor counted.", Llama(), padding: PaddingSide.Left),
        Case("llama_accumulation", "Two micro-batches a step, each with a ball of its own.", Llama(), steps: TwoPairs, open: true),
        Case("llama_ranks", "Two ranks of one data-parallel step, which share one ball.", Llama(), steps: TwoPairs, parts: PartKind.Ranks),
        Case("llama_random", "Random noise of variance rho', handed to the port; one pass.", Llama(), method: "random", rho: 0.05),
        Case("llama_accelerated", "Every second step is plain.", Llama(), steps: [["b0"], ["b1"], ["b2"], ["b3"]], tau: 2),
        Case("llama_kl", "Cross-entropy and KL to the model at the start; no padding.", Llama(), padding: PaddingSide.None, kl: 0.5),
        Case("llama_adaptive", "An embedding moves by a share of its size.", Llama(), method: "adaptive_vaccine", rho: 0.3, steps: TwoPairs),
        Case("llama_sam", "The weights are moved instead of the embeddings, and put back.", Llama(), method: "sam", rho: 0.05, guard: 1e-12),
        Case("llama_layers", "Some layers are moved and trained, others in the second step; the rest is held.", Llama(), layers: [[0, 2], [1, 2]]),
        Case("opt", "Learned positions, biases, ReLU; one step after another.", Opt(), open: true),
        Case("opt_left_padding", "Padding in front, positions counted over real tokens.", Opt(), padding: PaddingSide.Left),
        Case("opt_accumulation", "Two micro-batches a step.", Opt(), steps: TwoPairs),
        Case("gpt2", "One fused projection, weights stored (in, out).", Gpt2()),
    ];

    private static KitCase Case(
        string name, string purpose, string config, double rho = 2, string[][]? steps = null, string method = "vaccine",
        int tau = 1,
        PartKind parts = PartKind.MicroBatches, PaddingSide padding = PaddingSide.Right, int lora = 0, double kl = 0,
        bool open = false,
        int[][]? layers = null, double guard = 1e-7) =>
        new(
            new CaseSettings(CaseSettings.CurrentSchema, name, method, steps ?? TwoSteps, Optimizer)
            {
                Purpose = purpose,
                Rho = rho,
                Guard = guard,
                Tau = tau,
                Parts = parts,
                KlLambda = kl,
                Layers = layers,
                Open = open,
            },
            config, padding, lora);

    private static string Llama(int keyHeads = 4, bool tied = false) => $$"""
        {
          "architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "float64",
          "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 4,
          "num_key_value_heads": {{keyHeads}}, "vocab_size": 61, "max_position_embeddings": 32, "rms_norm_eps": 1e-05,
          "rope_theta": 10000.0, "hidden_act": "silu", "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
          "tie_word_embeddings": {{(tied ? "true" : "false")}}
        }

        """;

    private static string Opt() => """
        {
          "architectures": ["OPTForCausalLM"], "model_type": "opt", "torch_dtype": "float64",
          "hidden_size": 24, "ffn_dim": 40, "num_hidden_layers": 3, "num_attention_heads": 4, "word_embed_proj_dim": 24,
          "vocab_size": 61, "max_position_embeddings": 32, "activation_function": "relu", "do_layer_norm_before": true,
          "dropout": 0.0, "attention_dropout": 0.0, "layerdrop": 0.0, "pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 2,
          "tie_word_embeddings": true
        }

        """;

    private static string Gpt2() => """
        {
          "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "torch_dtype": "float64",
          "n_embd": 24, "n_layer": 3, "n_head": 4, "n_positions": 32, "vocab_size": 61, "activation_function": "gelu_new",
          "attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0, "layer_norm_epsilon": 1e-05, "pad_token_id": 0,
          "bos_token_id": 2, "eos_token_id": 2, "tie_word_embeddings": true
        }

        """;
}
