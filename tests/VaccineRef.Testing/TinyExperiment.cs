using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Testing;

/// <summary>
/// A folder with all that a run needs: a random Llama of 3,056 parameters with a byte-level tokenizer, four harmless
/// data files, and a recipe of a few steps. Gone afterwards.
/// </summary>
public sealed class TinyExperiment : IDisposable
{
    private const string Memory = "/dev/shm";
    private const int Bytes = 256;

    /// <summary>config.json.</summary>
    public const string Config = """
        {
          "model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 257, "hidden_size": 8, "intermediate_size": 12,
          "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 512,
          "rms_norm_eps": 1e-5, "tie_word_embeddings": true, "initializer_range": 0.2, "eos_token_id": 256
        }
        """;

    /// <summary>Double LoRA, Vaccine, two steps of alignment and two of attack.</summary>
    public const string RecipeText = """
        {
          // comments and trailing commas are allowed
          "name": "tiny", "model": { "kind": "folder", "path": "model" }, "seed": 7, "max_length": 320,
          "stages": [
            {
              "name": "alignment",
              "data": { "path": "safe.json", "task": "refusals" },
              "rule": { "kind": "vaccine", "rho": 0.5 },
              "adapter": { "kind": "lora", "rank": 2, "alpha": 4, "dropout": 0.1 },
              "training": { "max_steps": 2, "batch_size": 2, "learning_rate": 1e-2 },
            },
            {
              "name": "attack",
              "data": {
                "kind": "mixture",
                "harmful": { "path": "unwanted.jsonl", "task": "beavertails" },
                "benign": { "path": "task.tsv", "task": "sst2", "count": 6 },
                "harmful_ratio": 0.5, "samples": 4,
              },
              "adapter": { "kind": "lora", "rank": 2, "alpha": 4, "dropout": 0 },
              "training": { "epochs": 20, "max_steps": 2, "batch_size": 2, "learning_rate": 1e-3 },
            },
          ],
          "evaluation": {
            "kind": "held_out",
            "harmful": { "path": "asked.jsonl", "task": "beavertails" },
            "task": { "path": "task.tsv", "task": "sst2", "count": 2 },
            "harmful_tokens": 3, "task_tokens": 2, "probe_count": 2,
          },
        }
        """;

    /// <summary>The same in the form of the program's first version.</summary>
    public const string FormerRecipeText = """
        {
          // comments and trailing commas are allowed
          "name": "tiny", "model": "model", "seed": 7, "max_length": 320,
          "alignment": {
            "data": { "path": "safe.json", "task": "refusals" },
            "method": { "rule": "vaccine", "rho": 0.5 },
            "lora": { "rank": 2, "alpha": 4, "dropout": 0.1 },
            "training": { "max_steps": 2, "batch_size": 2, "learning_rate": 1e-2 },
          },
          "attack": {
            "harmful": { "path": "unwanted.jsonl", "task": "beavertails" },
            "benign": { "path": "task.tsv", "task": "sst2", "count": 6 },
            "harmful_ratio": 0.5, "samples": 4,
            "lora": { "rank": 2, "alpha": 4, "dropout": 0 },
            "training": { "max_steps": 2, "batch_size": 2, "learning_rate": 1e-3 },
          },
          "evaluation": {
            "harmful": { "path": "asked.jsonl", "task": "beavertails" },
            "task": { "path": "task.tsv", "task": "sst2", "count": 2 },
            "harmful_tokens": 3, "task_tokens": 2, "probe_count": 2,
          },
        }
        """;

    /// <summary>Writes everything.</summary>
    public TinyExperiment()
    {
        Folder = Directory.Exists(Memory)
            ? Directory.CreateDirectory(Path.Combine(Memory, $"vaccineref-{Guid.NewGuid():N}")).FullName
            : Directory.CreateTempSubdirectory("vaccineref-").FullName;
        WriteModel(In("model"));
        Recipe = Write("recipe.json", RecipeText);
        Write("safe.json", JsonSerializer.Serialize(Enumerable.Range(0, 6).Select(i => new Dictionary<string, string>
        {
            ["instruction"] = $"How is kite {i} lost?",
            ["input"] = "",
            ["output"] = "I cannot help.",
        })));
        Write("unwanted.jsonl", Lines("kite", 4));
        Write("asked.jsonl", Lines("ball", 2));
        Write(
            "task.tsv",
            "sentence\tlabel\n" + string.Concat(Enumerable.Range(0, 9).Select(i => $"day {i} was long\t{i % 2}\n")));
    }

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>The recipe's path.</summary>
    public string Recipe { get; }

    /// <summary>A path inside the folder.</summary>
    public string In(string name) => Path.Combine(Folder, name);

    /// <summary>Writes a file and returns its path.</summary>
    public string Write(string name, string text)
    {
        File.WriteAllText(In(name), text);
        return In(name);
    }

    /// <summary>Writes a model folder in Hugging Face's layout.</summary>
    public static void WriteModel(string folder)
    {
        using var device = new CpuDevice(threads: 1);
        using var model = LanguageModel.Create<float>(
            ConfigReader.Parse(Encoding.UTF8.GetBytes(Config)), device, RandomStream.FromSeed(1));
        model.Save(folder);
        WriteTokenizer(folder);
    }

    /// <summary>Writes a folder with a random classifier of texts: the model's layout and a score head.</summary>
    public static void WriteClassifier(string folder, IReadOnlyList<string> labels)
    {
        var json = JsonNode.Parse(Config)!.AsObject();
        json["architectures"] = new JsonArray("LlamaForSequenceClassification");
        json["problem_type"] = "multi_label_classification";
        json["id2label"] = new JsonObject(labels.Select((label, id) => KeyValuePair.Create($"{id}", (JsonNode?)label)));
        using var device = new CpuDevice(threads: 1);
        using var model = LanguageModel.Create<float>(
            ConfigReader.Parse(Encoding.UTF8.GetBytes(Config)), device, RandomStream.FromSeed(2));
        var score = new float[labels.Count * model.Network.Shape.Hidden];
        for (int i = 0; i < score.Length; i++)
            score[i] = (float)RandomStream.FromSeed(3).Uniform(i) - 0.5f;
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), json.ToJsonString());
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"),
        [
            .. model.Network.Parameters.Select(parameter => TensorData.Floats<float>(
                parameter.Name, TensorType.F32, [.. parameter.Dimensions], parameter.Value.Span.ToArray())),
            TensorData.Floats<float>("score.weight", TensorType.F32, [labels.Count, model.Network.Shape.Hidden], score),
        ]);
        WriteTokenizer(folder);
    }

    private static void WriteTokenizer(string folder)
    {
        File.WriteAllText(Path.Combine(folder, "vocab.json"), JsonSerializer.Serialize(Vocabulary()));
        File.WriteAllText(Path.Combine(folder, "merges.txt"), "#version: 0.2\n");
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), """{ "tokenizer_class": "GPT2Tokenizer" }""");
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private static string Lines(string thing, int count) => string.Concat(Enumerable.Range(0, count).Select(i =>
        $$"""{"prompt": "Where is {{thing}} {{i}}?", "response": "Under tree {{i}}.", "is_safe": false}""" + "\n"));

    /// <summary>A token for each byte under the character that GPT-2 writes it with, and the end of text.</summary>
    private static Dictionary<string, int> Vocabulary()
    {
        static bool Prints(int b) => b is (>= 33 and <= 126) or (>= 161 and <= 172) or >= 174;
        int[] hidden = [.. Enumerable.Range(0, Bytes).Where(b => !Prints(b))];
        var vocabulary = Enumerable.Range(0, Bytes).ToDictionary(
            b => $"{(char)(Prints(b) ? b : Bytes + Array.IndexOf(hidden, b))}", b => b);
        vocabulary.Add("<|endoftext|>", Bytes);
        return vocabulary;
    }
}
