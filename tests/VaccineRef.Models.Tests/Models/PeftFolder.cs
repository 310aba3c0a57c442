using System.Text.Json.Nodes;
using VaccineRef.Core;

namespace VaccineRef.Models.Tests;

/// <summary>
/// Writes an adapter folder as PEFT does, and does to a model's weights what the adapter says: every pair has a rank
/// and an alpha of its own, given by pattern.
/// </summary>
internal sealed class PeftFolder(Random random)
{
    private const string Root = "base_model.model.";

    private readonly List<TensorData> _tensors = [];
    private readonly JsonObject _ranks = [], _alphas = [];
    private readonly List<string> _targets = [], _saved = [];
    private double[] _last = [];
    private long[] _extents = [];

    public bool RsLora { get; init; }

    public string Bias { get; init; } = "all";

    /// <summary>A random pair, added to <paramref name="weight"/>.</summary>
    public void AddPair(string module, Parameter<double> weight, int inputs, int outputs, bool transposed)
    {
        int rank = random.Next(1, 4);
        double alpha = random.Next(1, 9), scaling = alpha / (RsLora ? Math.Sqrt(rank) : rank);
        double[] a = Draw(rank * inputs), b = Draw(outputs * rank);
        var values = weight.Value.Span;
        for (int o = 0; o < outputs; o++)
            for (int i = 0; i < inputs; i++)
            {
                double sum = 0;
                for (int r = 0; r < rank; r++)
                    sum += b[(o * rank) + r] * a[(r * inputs) + i];
                values[transposed ? (i * outputs) + o : (o * inputs) + i] += scaling * sum;
            }
        _tensors.Add(TensorData.Floats<double>($"{Root}{module}.lora_A.weight", TensorType.F64, [rank, inputs], a));
        _tensors.Add(TensorData.Floats<double>($"{Root}{module}.lora_B.weight", TensorType.F64, [outputs, rank], b));
        (_ranks[module], _alphas[module.Replace(".", @"\.", StringComparison.Ordinal)]) = (rank, alpha);
        _targets.Add(module);
    }

    /// <summary>Random values in the place of <paramref name="own"/>.</summary>
    public void AddSaved(string name, Parameter<double> own, string? module = null)
    {
        if (module is not null)
            _saved.Add(module);
        _last = Draw((int)own.Shape.Count);
        _extents = [.. own.Dimensions];
        _last.CopyTo(own.Value.Span);
        AddAgain(name);
    }

    /// <summary>The same values under another name.</summary>
    public void AddAgain(string name)
    {
        _tensors.Add(TensorData.Floats<double>(Root + name, TensorType.F64, [.. _extents], _last));
        if (name == "model.embed_tokens.weight" && random.Next(2) == 0)
            _saved.Add("embed_tokens");
    }

    public void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        SafetensorsWriter.Write(Path.Combine(folder, "adapter_model.safetensors"), _tensors);
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), new JsonObject
        {
            ["peft_type"] = "LORA",
            ["r"] = 7,
            ["lora_alpha"] = 5,
            ["use_rslora"] = RsLora,
            ["bias"] = Bias,
            ["rank_pattern"] = _ranks.DeepClone(),
            ["alpha_pattern"] = _alphas.DeepClone(),
            ["target_modules"] = new JsonArray([.. _targets.Select(name => (JsonNode)name)]),
            ["modules_to_save"] = new JsonArray([.. _saved.Select(name => (JsonNode)name)]),
        }.ToJsonString());
    }

    private double[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextDouble() - 0.5)];
}
