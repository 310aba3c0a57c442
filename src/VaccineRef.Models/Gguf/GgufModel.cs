using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models.Gguf;

/// <summary>
/// Llama, Mistral and Qwen2 under llama.cpp's names. Source: llama.cpp, convert_hf_to_gguf.py (LlamaModel, Qwen2Model)
/// and gguf-py/gguf/constants.py.
/// </summary>
internal static class GgufModel
{
    private const string Block = "model.layers.";

    private static readonly Dictionary<string, string> Names = new()
    {
        ["model.embed_tokens"] = "token_embd",
        ["model.norm"] = "output_norm",
        ["lm_head"] = "output",
        ["self_attn.q_proj"] = "attn_q",
        ["self_attn.k_proj"] = "attn_k",
        ["self_attn.v_proj"] = "attn_v",
        ["self_attn.o_proj"] = "attn_output",
        ["mlp.gate_proj"] = "ffn_gate",
        ["mlp.up_proj"] = "ffn_up",
        ["mlp.down_proj"] = "ffn_down",
        ["input_layernorm"] = "attn_norm",
        ["post_attention_layernorm"] = "ffn_norm",
    };

    /// <summary>Writes a model of float or double weights with its tokenizer.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file.</param>
    /// <param name="type">The type of matrices: F32, F16 or BF16. Vectors are F32, as llama.cpp has them.</param>
    /// <param name="tokenizer">A folder with the tokenizer's files and config.json.</param>
    /// <returns>Which texts llama.cpp splits otherwise, as sentences.</returns>
    /// <exception cref="InputException">
    /// llama.cpp has no name for something that the model or the tokenizer has.
    /// </exception>
    public static IReadOnlyList<string> Write<T>(Model<T> model, string path, TensorType type, string tokenizer)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        string family = model.Network.Shape.Family;
        if (family is not ("llama" or "mistral" or "qwen2"))
            throw model.Config.Unsupported(
                "model_type", "llama, mistral or qwen2: GGUF is written for these; --format folder takes any model");
        var config = LlamaConfig.Read(model.Config, family);
        using var file = new GgufFile();
        bool paired = family != "qwen2";                            // llama.cpp's "llama" turns neighbouring columns
        string architecture = paired ? "llama" : "qwen2";
        file.Set("general.architecture", architecture);
        file.Set("general.name", Path.GetFileNameWithoutExtension(path));
        file.Set("general.file_type", type switch { TensorType.F32 => 0, TensorType.F16 => 1, _ => 32 });
        file.Set("general.alignment", 32);
        Describe(file, architecture, config);
        Turn(file, architecture, model.Config, config);
        var otherwise = GgufVocabulary.Write(
            file, tokenizer, model.Folder ?? path, model.Network.Head.Shape.Rows, model.EndIds);
        foreach (var parameter in model.Network.Parameters)
            file.Add(Tensor(model, parameter, type, paired ? config.Shape.HeadSize : 0));
        file.Write(path);
        return otherwise;
    }

    private static void Describe(GgufFile file, string architecture, LlamaConfig config)
    {
        var shape = config.Shape;
        void Set(string key, int value) => file.Set($"{architecture}.{key}", value);
        // llama.cpp has no sliding window for these families: within the window there is none.
        Set("context_length", config.Windows.OfType<int>().Append(shape.Context).Min());
        Set("vocab_size", shape.Vocabulary);
        Set("embedding_length", shape.Hidden);
        Set("block_count", shape.Layers);
        Set("feed_forward_length", config.Inner);
        Set("attention.head_count", shape.Heads);
        Set("attention.head_count_kv", shape.KeyValueHeads);
        Set("attention.key_length", shape.HeadSize);
        Set("attention.value_length", shape.HeadSize);
        Set("rope.dimension_count", shape.HeadSize);
        file.Set($"{architecture}.attention.layer_norm_rms_epsilon", config.Epsilon);
    }

    // A factor is a setting; the rule of Llama 3 is a tensor of what each pair's frequency is divided by.
    private static void Turn(GgufFile file, string architecture, ConfigReader reader, LlamaConfig config)
    {
        var places = new RotaryPlaces(reader);
        double theta = places.Number("rope_theta", atTop: true) ?? 10000;
        file.Set($"{architecture}.rope.freq_base", theta);
        switch (places.Kind())
        {
            case null or "default" or "dynamic":                    // dynamic is default within the context
                break;
            case "linear":
                file.Set($"{architecture}.rope.scaling.type", "linear");
                file.Set($"{architecture}.rope.scaling.factor", places.Number("factor")!.Value);
                break;
            case "llama3" when architecture == "llama":
                double[] plain = RopeFrequencies.Compute(config.Shape.HeadSize, theta);
                float[] factors = [.. plain.Zip(config.Frequencies, (full, scaled) => (float)(full / scaled))];
                file.Add(TensorData.Floats<float>("rope_freqs.weight", TensorType.F32, [factors.Length], factors));
                break;
            default:
                throw places.UnknownKind(
                    "default, linear or dynamic, or llama3 in a Llama: GGUF is written for these; --format folder takes any");
        }
    }

    private static TensorData Tensor<T>(Model<T> model, Parameter<T> parameter, TensorType type, int headSize)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var dimensions = parameter.Dimensions.ToArray();
        int dot = parameter.Name.LastIndexOf('.');
        var (place, kind) = (parameter.Name[..dot], parameter.Name[dot..]);
        string prefix = "";
        if (place.StartsWith(Block, StringComparison.Ordinal))
        {
            int end = place.IndexOf('.', Block.Length);
            (prefix, place) = ($"blk.{place[Block.Length..end]}.", place[(end + 1)..]);
        }
        bool turned = headSize > 0 && place is "self_attn.q_proj" or "self_attn.k_proj";
        return TensorData.Floats<T>(
            prefix + Names[place] + kind, dimensions.Length == 1 ? TensorType.F32 : type, dimensions,
            () => turned ? Pair(model.Values(parameter), headSize, (int)dimensions[0]) : model.Values(parameter));
    }

    // Hugging Face turns column i of a head together with i + size/2, llama.cpp 2 i with 2 i + 1: rows change places so
    // that both turn the same pairs.
    private static ReadOnlySpan<T> Pair<T>(ReadOnlySpan<T> rows, int size, int count)
    {
        int width = rows.Length / count, half = size / 2;
        var paired = new T[rows.Length];
        for (int row = 0; row < count; row++)
        {
            var (head, at) = Math.DivRem(row, size);
            int to = (head * size) + (at < half ? 2 * at : (2 * (at - half)) + 1);
            rows.Slice(row * width, width).CopyTo(paired.AsSpan(to * width));
        }
        return paired;
    }
}
