using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

/// <summary>
/// Records a trace for <c>vaccine conform</c> from a port in .NET: schema vaccine-trace/1. Needs nothing else. In each
/// pass a port calls <see cref="Begin"/>, <see cref="Site"/> and <see cref="SiteGradient"/> for every site, and
/// <see cref="End"/>; then <see cref="Parameter"/> with the gradients before clipping and, after the update, the values.
/// </summary>
internal sealed class TraceRecorder
{
    private readonly SortedDictionary<string, (long[] Shape, double[] Values)> _tensors = new(StringComparer.Ordinal);
    private readonly SortedDictionary<int, JsonObject> _steps = [];
    private string _pass = "", _at = "";
    private JsonObject _now = [];

    /// <summary>A pass begins.</summary>
    /// <param name="step">The optimizer step, from 1.</param>
    /// <param name="which">1, or 2 for the perturbed one.</param>
    /// <param name="part">"m0" or "r1" where a step has several micro-batches or ranks.</param>
    public void Begin(int step, int which, string part = "")
    {
        _pass = part.Length == 0 ? $"p{which}" : $"{part}/p{which}";
        _at = $"s{step}/{_pass}";
        if (!_steps.TryGetValue(step, out _now!))
            _steps.Add(step, _now = new() { ["step"] = step, ["losses"] = new JsonObject() });
        _now["passes"] = Math.Max(which, (int?)_now["passes"] ?? 0);
    }

    /// <summary>A hidden embedding before and after anything was added: epsilon is their difference.</summary>
    public void Site(int site, double[] raw, double[] moved, params long[] shape)
    {
        _tensors[$"{_at}/site{site}/raw"] = (shape, raw);
        _tensors[$"{_at}/site{site}/out"] = (shape, moved);
    }

    /// <summary>The gradient of the part's own mean loss there.</summary>
    public void SiteGradient(int site, double[] gradient, params long[] shape) =>
        _tensors[$"{_at}/site{site}/grad"] = (shape, gradient);

    /// <summary>The pass has ended.</summary>
    public void End(double loss) => _now["losses"]![_pass] = loss;

    /// <summary>A parameter's gradient before clipping, or its value after the update.</summary>
    public void Parameter(int step, string name, double[] values, bool after, params long[] shape) =>
        _tensors[$"s{step}/{(after ? "param" : "grad")}/{name}"] = (shape, values);

    /// <summary>Writes manifest.json and trace.safetensors.</summary>
    /// <param name="folder">The trace's folder.</param>
    /// <param name="said">What the manifest says: at least case, dtype (float64, float32) and implementation.</param>
    public void Save(string folder, JsonObject said)
    {
        bool isDouble = (string?)said["dtype"] == "float64";
        using var data = new MemoryStream();
        var header = new JsonObject();
        foreach (var (name, (shape, values)) in _tensors)
        {
            long from = data.Length;
            data.Write(isDouble
                ? MemoryMarshal.AsBytes(values.AsSpan())
                : MemoryMarshal.AsBytes(Array.ConvertAll(values, value => (float)value).AsSpan()));
            header[name] = new JsonObject
            {
                ["dtype"] = isDouble ? "F64" : "F32",
                ["shape"] = new JsonArray([.. shape.Select(extent => (JsonNode)extent)]),
                ["data_offsets"] = new JsonArray(from, data.Length),
            };
        }

        said["schema"] = "vaccine-trace/1";
        said["steps"] = new JsonArray([.. _steps.Values]);
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "manifest.json"), said.ToJsonString());
        byte[] text = System.Text.Encoding.UTF8.GetBytes(header.ToJsonString()), length = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        File.WriteAllBytes(Path.Combine(folder, "trace.safetensors"), [.. length, .. text, .. data.ToArray()]);
    }
}
