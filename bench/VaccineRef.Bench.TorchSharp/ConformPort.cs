using System.Text.Json.Nodes;
using VaccineRef.Models;
using VaccineRef.Training;
using static TorchSharp.torch;

namespace VaccineRef.Bench;

/// <summary>
/// The bench's step as a port for <c>vaccine conform run</c>: JSON lines on standard input and output. It runs in
/// double on the kit's Llamas, and skips what the step does not do.
/// </summary>
internal static class ConformPort
{
    /// <summary>Answers until it is told to stop.</summary>
    public static void Run()
    {
        set_num_threads(1);
        while (Console.ReadLine() is { } line && JsonNode.Parse(line) is { } request)
        {
            if ((string?)request["command"] == "stop")
                break;
            var answer = (string?)request["command"] == "case"
                ? Case((string)request["dir"]!, (string)request["out"]!)
                : new JsonObject
                {
                    ["families"] = new JsonArray("llama"),
                    ["methods"] = new JsonArray("vaccine"),
                    ["dtypes"] = new JsonArray("float64"),
                };
            Console.WriteLine(answer.ToJsonString());
        }
    }

    private static JsonObject Case(string folder, string output)
    {
        JsonNode Json(string file) => JsonNode.Parse(File.ReadAllText(Path.Combine(folder, file)))!;
        JsonNode asked = Json("case.json"), config = Json("config.json");
        using var batches = SafetensorsFile.Open(Path.Combine(folder, "batches.safetensors"));
        if (Unsupported(asked, config, batches) is { } reason)
            return new() { ["skipped"] = true, ["reason"] = reason };

        string name = (string)asked["name"]!, adapter = Path.Combine(folder, "adapter_config.json");
        int length = (int)batches.Entry("b0.input_ids").Shape[1];
        var lora = File.Exists(adapter) ? Json("adapter_config.json") : null;
        var settings = new LlamaSettings(
            (int)config["num_hidden_layers"]!, (int)config["num_attention_heads"]!, (int)config["hidden_size"]!, length,
            (double)config["rms_norm_eps"]!, (double)config["rope_theta"]!,
            lora is null ? 1 : (double)lora["lora_alpha"]! / (int)lora["r"]!);
        var weights = Weights(Path.Combine(folder, "model.safetensors"), trained: lora is null);
        if (lora is not null)
            foreach (var (key, weight) in Weights(Path.Combine(folder, "adapter_model.safetensors"), trained: true))
                weights.Add(key, weight);

        var record = new TorchRecord();
        var model = new TorchLlama(settings, weights);
        double rho = (double)asked["rho"]!, guard = (double)asked["guard"]!;
        using var step = new TorchStep(model, Options(asked["optimizer"]!), rho, guard, record);
        foreach (var batch in asked["steps"]!.AsArray())
        {
            string key = (string)batch![0]!;
            model.Use(batches.ReadIntegers($"{key}.input_ids"), Targets(batches.ReadIntegers($"{key}.labels"), length));
            record.NextStep();
            step.Step(vaccine: true);
        }

        record.Trace.Save(output, new()
        {
            ["case"] = name,
            ["dtype"] = "float64",
            ["implementation"] = new JsonObject { ["name"] = "TorchSharp", ["version"] = __version__ },
            ["method"] = "vaccine",
            ["norm"] = "batch",
            ["reduction"] = "mean",
            ["rho"] = rho,
            ["guard"] = guard,
            ["sites"] = new JsonArray(
                [.. Enumerable.Range(0, settings.Layers).Select(l => (JsonNode)$"model.layers.{l}.self_attn")]),
        });
        return new() { ["trace"] = output };
    }

    private static string? Unsupported(JsonNode asked, JsonNode config, SafetensorsFile batches)
    {
        if ((string)config["model_type"]! != "llama")
            return "the step is of Llama";
        if ((string)asked["method"]! != "vaccine" || (int)asked["tau"]! != 1 || (double)asked["kl_lambda"]! != 0)
            return "the step is Algorithm 1 on cross-entropy, every time";
        if (asked["steps"]!.AsArray().Any(step => step!.AsArray().Count > 1))
            return "the step takes one batch";
        long length = batches.Entry("b0.input_ids").Shape[1];
        return batches.ReadIntegers("b0.attention_mask").Where((_, i) => i % length == 0).Any(first => first == 0)
            ? "the step has no mask, which padding in front needs"
            : null;
    }

    private static Dictionary<string, Tensor> Weights(string path, bool trained)
    {
        using var file = SafetensorsFile.Open(path);
        return file.Tensors.Values.ToDictionary(entry => entry.Name, entry =>
        {
            double[] values = new double[entry.Shape.Aggregate(1L, (product, extent) => product * extent)];
            file.Read<double>(entry.Name, values);
            return tensor(values, [.. entry.Shape]).requires_grad_(trained);
        });
    }

    private static AdamWOptions Options(JsonNode asked) => new(
        (double)asked["learning_rate"]!, (double)asked["weight_decay"]!, (double)asked["beta1"]!,
        (double)asked["beta2"]!, (double)asked["epsilon"]!, (double)asked["max_gradient_norm"]!);

    // A token is predicted by the row before it.
    private static long[] Targets(long[] labels, int length) =>
        [.. labels.Select((_, i) => i % length == length - 1 ? PackedBatch.Ignored : labels[i + 1])];
}
