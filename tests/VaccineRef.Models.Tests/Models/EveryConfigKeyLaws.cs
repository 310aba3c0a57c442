using System.Reflection;
using System.Text;
using System.Text.Json.Nodes;
using VaccineRef.Core;

namespace VaccineRef.Models.Tests;

/// <summary>
/// A key of <c>config.json</c> that is read and forgotten is one kind of defect. With each key changed, the model has
/// other parameters, other first weights or other hidden states, in evaluation or in training; or it is refused. What a
/// configuration holds and no case changes is red.
/// </summary>
public sealed class EveryConfigKeyLaws : IDisposable
{
    private static readonly (string Variant, string Key, string Value)[] Cases =
    [
        .. Of("llama", """
            vocab_size 19; hidden_size 16; intermediate_size 14; num_hidden_layers 3; num_attention_heads 3; num_key_value_heads 1; head_dim 4;
            max_position_embeddings 32; initializer_range 0.1; rms_norm_eps 0.1; attention_bias true; mlp_bias true; attention_dropout 0.5;
            tie_word_embeddings true; pad_token_id 3; rope_theta 500; rope_scaling {"type":"linear","factor":3}; hidden_act "gelu"
            """),
        .. Of(
            "llama linear rope", """rope_scaling {"type":"yarn","factor":2.5,"original_max_position_embeddings":12}"""),
        .. Of(
            "mistral window",
            """sliding_window 2; sliding_window null; layer_types ["full_attention","sliding_attention"]; num_key_value_heads 1"""),
        .. Of("qwen2 window", """
            use_sliding_window false; max_window_layers 0; max_window_layers 2; sliding_window 3; layer_types ["full_attention","full_attention"]
            """),
        .. Of("opt", """
            vocab_size 19; hidden_size 15; ffn_dim 14; num_hidden_layers 3; num_attention_heads 2; max_position_embeddings 32; init_std 0.1; dropout 0.6;
            attention_dropout 0.5; activation_function "gelu"; enable_bias false; do_layer_norm_before false; _remove_final_layer_norm true;
            word_embed_proj_dim 8; tie_word_embeddings false; pad_token_id 2; layerdrop 0.1; layer_norm_elementwise_affine false
            """),
        .. Of("gpt2", """
            vocab_size 19; n_embd 15; n_inner 14; n_layer 3; n_head 2; n_positions 32; initializer_range 0.1; layer_norm_epsilon 0.1;
            activation_function "gelu"; scale_attn_weights false; tie_word_embeddings false; embd_pdrop 0.6; resid_pdrop 0.6; attn_pdrop 0.6;
            scale_attn_by_inverse_layer_idx true; reorder_and_upcast_attn true
            """),
    ];

    private readonly CpuDevice _device = new(1);

    public static TheoryData<string, string, string> All => [.. Cases];

    public void Dispose() => _device.Dispose();

    [Theory]
    [MemberData(nameof(All))]
    public void Every_key_does_something(string variant, string key, string value)
    {
        var (before, after) = (Json(variant), Json(variant));
        after[key] = JsonNode.Parse(value);
        try
        {
            Assert.NotEqual(Seen(before), Seen(after));
        }
        catch (InputException refused)
        {
            Assert.Contains(key, refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Whatever_a_configuration_holds_is_changed_by_a_case()
    {
        Require("llama", config => LlamaConfig.Read(config, config.String("model_type", "llama")));
        Require("opt", OptConfig.Read);
        Require("gpt2", Gpt2Config.Read);
    }

    private static void Require<T>(string family, Func<ConfigReader, T> read)
    {
        var left = typeof(T).GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Select(property => property.Name).ToHashSet();
        foreach (var (variant, key, value) in Cases
            .Where(each => each.Variant is not ("opt" or "gpt2") ? family == "llama" : each.Variant == family))
        {
            var (before, after) = (Json(variant), Json(variant));
            after[key] = JsonNode.Parse(value);
            try
            {
                var (one, other) = (read(Reader(before)), read(Reader(after)));
                left.RemoveWhere(name => Text(typeof(T).GetProperty(name)!.GetValue(one)) != Text(typeof(T).GetProperty(name)!.GetValue(other)));
            }
            catch (InputException)
            {
                // it changes nothing, for it is refused
            }
        }

        Assert.Empty(left);
    }

    private static string Text(object? value) => value is System.Collections.IEnumerable and not string
        ? string.Join(' ', ((System.Collections.IEnumerable)value).Cast<object?>())
        : $"{value}";

    /// <summary>Everything of a model that a configuration may change.</summary>
    private string Seen(JsonObject json)
    {
        using var model = LanguageModel.Create<double>(Reader(json), _device, RandomStream.FromSeed(1));
        using var tape = new Tape<double>(_device);
        var batch = PackedBatch.Pack([[1, 2, 3, 4, 5, 6, 7], [8, 3, 2]]);
        var text = new StringBuilder($"{model.Network.Shape}");
        foreach (var parameter in model.Network.Parameters)
            text.Append($"\n{parameter.Name} [{string.Join(", ", parameter.Dimensions)}] {Sum(parameter.Value):R}");
        foreach (bool training in (bool[])[false, true])
        {
            var hidden = model.Network.Forward(
                new Pass<double>(tape, new NoTap<double>(), RandomStream.FromSeed(2), training), batch);
            text.Append($"\n{Sum(hidden.Value):R}");
            tape.Clear();
        }

        return text.ToString();
    }

    private double Sum(View<double> view)
    {
        double[] values = new double[view.Shape.Count];
        _device.Download(view, values.AsSpan());
        return values.Select((value, i) => value * (i + 1)).Sum();
    }

    private static JsonObject Json(string variant) => new TinyModel(variant, 1, 2, []).Json;

    private static ConfigReader Reader(JsonObject json) =>
        ConfigReader.Parse(Encoding.UTF8.GetBytes(json.ToJsonString()));

    private static IEnumerable<(string, string, string)> Of(string variant, string changes) =>
        changes.Split(';').Select(change => change.Trim().Split(' ', 2))
            .Select(change => (variant, change[0], change[1]));
}
