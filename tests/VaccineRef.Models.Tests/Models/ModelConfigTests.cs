using System.Text.Json.Nodes;
using VaccineRef.Core;

namespace VaccineRef.Models.Tests;

/// <summary>Configurations: what is refused, by name, and what the spellings mean.</summary>
public sealed class ModelConfigTests : IDisposable
{
    private const string Sliding = "\"sliding_window\": 3, \"use_sliding_window\": true";

    private readonly CpuDevice _device = new(1);

    public void Dispose() => _device.Dispose();

    [Theory]
    [InlineData("llama", "hidden_act", "\"gelu\"")]
    [InlineData("llama", "pretraining_tp", "0")]
    [InlineData("llama", "quantization_config", "{\"bits\": 4}")]
    [InlineData("llama", "rope_scaling", "{\"rope_type\": \"spiral\", \"factor\": 4.0}", "rope_scaling.rope_type")]
    [InlineData("llama", "rope_scaling", "{\"type\": \"mrope\", \"factor\": 4.0}", "rope_scaling.type")]
    [InlineData("llama", "rope_scaling", "{\"factor\": 4.0}", "rope_scaling.factor")]
    [InlineData("llama", "rope_scaling", "{\"type\": \"linear\"}", "rope_scaling.factor")]
    [InlineData(
        "llama", "rope_scaling", "{\"type\": \"linear\", \"factor\": 2.0, \"mscale\": 2}", "rope_scaling.mscale")]
    [InlineData("llama", "rope_parameters", "{\"rope_type\": \"longrope\"}", "rope_parameters.short_factor")]
    [InlineData("llama", "partial_rotary_factor", "0.5")]
    [InlineData("llama", "num_attention_heads", "5")]
    [InlineData("llama", "num_key_value_heads", "3")]
    [InlineData("llama", "hidden_size", "0")]
    [InlineData("llama", "vocab_size", "null")]
    [InlineData("llama", "pad_token_id", "17")]
    [InlineData("llama", "architectures", "[\"LlamaForSequenceClassification\"]")]
    [InlineData("llama", "model_type", "\"mamba\"")]
    [InlineData("llama", "model_type", "\"opt\"", "architectures")]
    [InlineData("llama", "attention_dropout", "1.5")]
    [InlineData("qwen2 window", "layer_types", "[\"chunked_attention\"]")]
    [InlineData("opt", "layer_norm_elementwise_affine", "false")]
    [InlineData("opt", "layerdrop", "0.1")]
    [InlineData("opt", "activation_function", "\"swish\"")]
    [InlineData("gpt2", "scale_attn_by_inverse_layer_idx", "true")]
    [InlineData("gpt2", "reorder_and_upcast_attn", "true")]
    [InlineData("gpt2", "add_cross_attention", "true")]
    [InlineData("gpt2", "activation_function", "\"silu\"")]
    public void What_is_not_implemented_is_refused_by_name(
        string variant, string key, string value, string? named = null)
    {
        var json = new TinyModel(variant, 1, 2, [3]).Json;
        json[key] = JsonNode.Parse(value);
        Assert.Equal(named ?? key, Refused(json));
    }

    [Fact]
    public void A_configuration_that_names_no_family_is_refused()
    {
        var json = new TinyModel("opt", 1, 1, [3]).Json;
        json.Remove("model_type");
        Assert.Equal("model_type", Refused(json));
    }

    [Theory]
    [InlineData("mistral", "", 4096, 4096)]
    [InlineData("mistral", "\"sliding_window\": null", null, null)]
    [InlineData("mistral", "\"sliding_window\": 3", 3, 3)]
    [InlineData("qwen2", "\"sliding_window\": 3", null, null)]
    [InlineData("qwen2", Sliding + ", \"max_window_layers\": 1", null, 3)]
    [InlineData("qwen2", Sliding + ", \"layer_types\": [\"sliding_attention\", \"full_attention\"]", 3, null)]
    public void Windows_are_those_of_the_family(string family, string settings, int? first, int? second)
    {
        var json = new TinyModel("llama", 1, 2, [3]).Json;
        json["num_key_value_heads"] = 2;
        foreach (var (key, value) in JsonNode.Parse($"{{{settings}}}")!.AsObject())
            json[key] = value?.DeepClone();
        Assert.Equal([first, second], LlamaConfig.Read(ModelFiles.Config(json), family).Windows);
    }

    [Theory]
    [InlineData("llama", "", 4)]
    [InlineData("llama", "null", 4)]
    [InlineData("mistral", "", 8)]
    [InlineData("mistral", "null", 16)]
    [InlineData("qwen2", "", 32)]
    [InlineData("qwen2", "null", 64)]
    public void Null_key_value_heads_are_as_many_as_heads(string family, string value, int groups)
    {
        int heads = family switch { "llama" => 4, "mistral" => 16, _ => 64 };
        var json = new TinyModel("llama", 1, 1, [3]).Json;
        (json["hidden_size"], json["num_attention_heads"]) = (2 * heads, heads);
        if (value.Length > 0)
            json["num_key_value_heads"] = JsonNode.Parse(value);
        Assert.Equal(groups, LlamaConfig.Read(ModelFiles.Config(json), family).Shape.KeyValueHeads);
    }

    /// <summary>The key that the refusal names.</summary>
    private string? Refused(JsonObject json) => Assert.Throws<CheckpointException>(
        () => LanguageModel.Create<double>(ModelFiles.Config(json), _device, default)).Key;
}
