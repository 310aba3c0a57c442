using System.Text;
using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Models;
using VaccineRef.Testing;

namespace VaccineRef.Fuzz;

/// <summary>
/// The models of the golden cases, with all keys that Hugging Face writes into their configurations, and as small as
/// they can be: most of the time is the reading's, and not the model's.
/// </summary>
internal static class SmallModels
{
    private static readonly (string Key, int Size)[] Sizes =
    [
        ("hidden_size", 8), ("n_embd", 8), ("word_embed_proj_dim", 8), ("intermediate_size", 12), ("ffn_dim", 12),
        ("num_hidden_layers", 2),
        ("n_layer", 2), ("num_attention_heads", 2), ("n_head", 2), ("max_position_embeddings", 16), ("n_positions", 16),
        ("vocab_size", 11),
    ];

    /// <summary>The configuration of a golden case with other extents; grouped heads stay grouped.</summary>
    public static JsonObject Config(string golden)
    {
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "tests", "golden", golden, "config.json")))!.AsObject();
        if (json["num_key_value_heads"] is { } heads)
            json["num_key_value_heads"] = heads.GetValue<int>() < json["num_attention_heads"]!.GetValue<int>() ? 1 : 2;
        foreach (var (key, size) in Sizes.Where(size => json.ContainsKey(size.Key)))
            json[key] = size;
        return json;
    }

    /// <summary>Writes a model with random weights.</summary>
    /// <param name="folder">A new or empty folder.</param>
    /// <param name="golden">Which golden case it is like.</param>
    public static void Write(string folder, string golden)
    {
        using var device = new CpuDevice(threads: 1);
        using var model = LanguageModel.Create<float>(
            ConfigReader.Parse(Encoding.UTF8.GetBytes(Config(golden).ToJsonString())), device,
            RandomStream.FromSeed(1));
        model.Save(folder);
    }
}
