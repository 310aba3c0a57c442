using System.Text.Json;
using VaccineRef.Models;

namespace VaccineRef.Verification.Conform;

/// <summary>Writes the reference's own trace of a case: what a conforming port records.</summary>
internal static class TraceWriter
{
    /// <summary>Writes manifest.json and trace.safetensors into a folder.</summary>
    public static void Write(
        string folder, LoadedCase @case, IReadOnlyList<Quantity> quantities, string dtype = "float64")
    {
        var settings = @case.Settings;
        var values = quantities.ToDictionary(quantity => quantity.Key, quantity => quantity.Values);
        List<TensorData> tensors = [];
        foreach (var (key, tensor) in values)
        {
            if (tensor.Shape.IsEmpty || key.Contains("/eps/", StringComparison.Ordinal)
                || key.EndsWith("/moved", StringComparison.Ordinal)
                || (key.Split('/') is [.., var site, "raw" or "grad"]
                    && !site.StartsWith("site", StringComparison.Ordinal)
                    && !key.Contains("/grad/", StringComparison.Ordinal)))
                continue;
            tensors.Add(Tensor(key, tensor, dtype));
            if (key.EndsWith("/raw", StringComparison.Ordinal))
                tensors.Add(Tensor(key[..^3] + "out", Out(key, tensor, values, settings), dtype));
        }

        var manifest = new TraceManifest(TraceManifest.CurrentSchema, settings.Name, dtype)
        {
            Implementation = new("VaccineRef", typeof(TraceWriter).Assembly.GetName().Version?.ToString(3)),
            Method = settings.Method,
            Rho = settings.Rho,
            Norm = "batch",
            Guard = settings.Guard,
            Dropout = 0,
            Reduction = "mean",
            Steps = [.. Enumerable.Range(1, settings.Steps.Count).Select(step => Scalars(step, values))],
        };
        AtomicFile.WriteText(
            Path.Combine(folder, "manifest.json"),
            JsonSerializer.Serialize(manifest, ConformJson.Default.TraceManifest) + "\n");
        SafetensorsWriter.Write(Path.Combine(folder, "trace.safetensors"), tensors);
    }

    private static TensorData Tensor(string name, Values values, string dtype) => name.Split('/')[^1] is "input_ids"
        or "labels" or "attention_mask"
        ? TensorData.Integers(
            name, TensorType.I64, values.Shape.AsSpan(), values.Numbers.Select(value => (long)value).ToArray())
        : TensorData.Floats<double>(name, TypeOf(dtype), values.Shape.AsSpan(), values.Numbers);

    private static TensorType TypeOf(string dtype) => dtype switch
    {
        "float32" => TensorType.F32,
        "float16" => TensorType.F16,
        "bfloat16" => TensorType.BF16,
        _ => TensorType.F64,
    };

    private static Values Out(string key, Values raw, Dictionary<string, Values> values, CaseSettings settings)
    {
        string moved = settings.Method == "random" ? "/p1/" : "/p2/", at = key[..^"/raw".Length];
        return at.Contains(moved, StringComparison.Ordinal)
            && values.TryGetValue(at.Replace(moved, "/eps/", StringComparison.Ordinal), out var epsilon)
            ? raw with { Numbers = [.. raw.Numbers.Zip(epsilon.Numbers, (a, b) => a + b)] }
            : raw;
    }

    private static TraceStep Scalars(int step, Dictionary<string, Values> values)
    {
        string prefix = $"s{step}/";
        Dictionary<string, double?> losses = [], norms = [];
        foreach (var (key, value) in values)
        {
            if (!key.StartsWith(prefix, StringComparison.Ordinal) || !value.Shape.IsEmpty)
                continue;
            string name = key[prefix.Length..];
            if (name.EndsWith("/loss", StringComparison.Ordinal))
                losses.Add(name[..^"/loss".Length], value.Numbers[0]);
            else if (name != "passes")
                norms.Add(name, value.Numbers[0]);
        }

        return new(step) { Passes = (int)values[$"{prefix}passes"].Numbers[0], Losses = losses, Norms = norms };
    }
}
