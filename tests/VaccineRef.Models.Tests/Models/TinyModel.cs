using System.Numerics;
using System.Text;
using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models.Tests;

/// <summary>A small model of some family and a few sequences for it, drawn by FsCheck.</summary>
/// <param name="Variant">Which of <see cref="Variants"/>.</param>
/// <param name="Seed">Of its weights and tokens.</param>
/// <param name="Layers">Blocks.</param>
/// <param name="Lengths">Lengths of the sequences.</param>
public sealed record TinyModel(string Variant, int Seed, int Layers, int[] Lengths)
{
    public const int Vocabulary = 17, Context = 24;

    /// <summary>Every path through the families' files.</summary>
    public static readonly string[] Variants =
    [
        "llama", "llama grouped tied", "llama biases head_dim", "llama linear rope", "llama llama3 rope",
        "mistral window", "qwen2", "qwen2 window", "opt", "opt post-norm projected", "opt gelu no bias untied", "gpt2",
        "gpt2 erf unscaled inner untied",
    ];

    public JsonObject Json => JsonNode.Parse(Family(Variant))!.AsObject();

    public ConfigReader Config => ConfigReader.Parse(Encoding.UTF8.GetBytes(Json.ToJsonString()));

    /// <summary>The sequences, the first third of each without labels.</summary>
    public TokenSequence[] Sequences =>
    [
        .. Lengths.Select((length, s) =>
        {
            int[] tokens = [.. Enumerable.Range(0, length).Select(t => Random.At("tokens").At(s).Below(Vocabulary, t))];
            int[] labels = [.. tokens.Select((id, t) => t < length / 3 ? PackedBatch.Ignored : id)];
            return new TokenSequence(tokens, labels, $"s{s}");
        }),
    ];

    public RandomStream Random => RandomStream.FromSeed((ulong)Seed);

    /// <summary>The model, with biases and norms moved away from 0 and 1 so that they count.</summary>
    public Model<T> Create<T>(Device device) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var model = LanguageModel.Create<T>(Config, device, Random.At("weights"));
        foreach (var parameter in model.Network.Parameters.Where(parameter => parameter.Dimensions.Count == 1))
            device.Run(new FillNormal<T>(Random.At(parameter.Name), 0.5), parameter.Value);
        return model;
    }

    public override string ToString() =>
        $"{Variant}, seed {Seed}, {Layers} layers, lengths {string.Join(" ", Lengths)}";

    private string Family(string variant)
    {
        string llama = $$"""
            "vocab_size": {{Vocabulary}}, "hidden_size": 12, "intermediate_size": 10, "num_hidden_layers": {{Layers}},
            "num_attention_heads": 2, "max_position_embeddings": {{Context}}, "initializer_range": 0.4,
            "rms_norm_eps": 1e-5
            """;
        string opt = $$"""
            "model_type": "opt", "vocab_size": {{Vocabulary}}, "hidden_size": 12, "ffn_dim": 10,
            "num_hidden_layers": {{Layers}}, "num_attention_heads": 3, "max_position_embeddings": {{Context}},
            "init_std": 0.4, "dropout": 0.2
            """;
        string gpt2 = $$"""
            "model_type": "gpt2", "vocab_size": {{Vocabulary}}, "n_embd": 12, "n_layer": {{Layers}}, "n_head": 3,
            "n_positions": {{Context}}, "initializer_range": 0.4, "attn_pdrop": 0, "resid_pdrop": 0.2
            """;
        return "{" + variant switch
        {
            "llama" => $$""" {{llama}}, "architectures": ["LlamaForCausalLM"] """,
            "llama grouped tied" => $$"""
                {{llama}}, "model_type": "llama", "num_key_value_heads": 1, "tie_word_embeddings": true,
                "pad_token_id": 3
                """,
            "llama biases head_dim" => $$"""
                {{llama}}, "model_type": "llama", "attention_bias": true, "mlp_bias": true, "head_dim": 4,
                "pad_token_id": -1
                """,
            "llama linear rope" => $$"""
                {{llama}}, "model_type": "llama", "rope_theta": 500.0,
                "rope_scaling": {"type": "linear", "factor": 2.5}
                """,
            "llama llama3 rope" => $$"""
                {{llama}}, "model_type": "llama", "rope_parameters": {"rope_theta": 300.0, "rope_type": "llama3",
                "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}
                """,
            "mistral window" => $$"""
                {{llama}}, "model_type": "mistral", "num_key_value_heads": 2, "sliding_window": 3
                """,
            "qwen2" => $$"""
                {{llama}}, "model_type": "qwen2", "num_key_value_heads": 1, "tie_word_embeddings": true
                """,
            "qwen2 window" => $$"""
                {{llama}}, "model_type": "qwen2", "num_key_value_heads": 2, "use_sliding_window": true,
                "sliding_window": 2, "max_window_layers": 1
                """,
            "opt" => opt,
            "opt post-norm projected" => $$""" {{opt}}, "do_layer_norm_before": false, "word_embed_proj_dim": 8 """,
            "opt gelu no bias untied" => $$"""
                {{opt}}, "activation_function": "gelu", "enable_bias": false, "tie_word_embeddings": false,
                "_remove_final_layer_norm": true
                """,
            "gpt2" => gpt2,
            _ => $$"""
                {{gpt2}}, "activation_function": "gelu", "scale_attn_weights": false, "n_inner": 14,
                "tie_word_embeddings": false
                """,
        } + "}";
    }
}

/// <summary>How FsCheck draws them.</summary>
public static class TinyModels
{
    public static Arbitrary<TinyModel> Tiny()
    {
        var generator =
            from variant in Gen.Elements(TinyModel.Variants)
            from seed in Gen.Choose(0, int.MaxValue)
            from layers in Gen.Choose(1, 2)
            from count in Gen.Choose(1, 4)
            from lengths in Gen.ArrayOf(Gen.Choose(1, 9), count)
            select new TinyModel(variant, seed, layers, lengths);
        return Arb.From(generator, Shrink);
    }

    private static IEnumerable<TinyModel> Shrink(TinyModel tiny)
    {
        if (tiny.Layers > 1)
            yield return tiny with { Layers = 1 };
        if (tiny.Lengths.Length > 1)
            yield return tiny with { Lengths = tiny.Lengths[1..] };
        for (int i = 0; i < tiny.Lengths.Length; i++)
            if (tiny.Lengths[i] > 1)
                yield return tiny with { Lengths = [.. tiny.Lengths.Select((length, j) => length - (j == i ? 1 : 0))] };
    }
}
