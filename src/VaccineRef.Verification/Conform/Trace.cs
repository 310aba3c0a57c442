using System.Globalization;
using System.Text.RegularExpressions;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Verification.Conform;

/// <summary>
/// A port's trace, read with suspicion: only tensors that the case has, and none larger than the case's largest, are
/// taken into memory; what is wrong with one is kept by its name and fails there, and the rest is still judged.
/// </summary>
internal sealed partial class Trace
{
    private readonly LoadedCase _case;
    private readonly long _most;
    private readonly Dictionary<string, PaddedBatch> _batches = [];

    private Trace(TraceManifest manifest, LoadedCase @case)
    {
        (Manifest, _case) = (manifest, @case);
        var steps = @case.Settings.Steps;
        long positions = steps.SelectMany(step => step).Max(name => (long)@case.Batch(name).Ids.Count);
        var all = @case.Model().All.Values;
        _most = Math.Max(
            all.Max(values => (long)values.Numbers.Length), positions * all.Max(values => values.Shape.Max()));
        for (int k = 1; k <= steps.Count; k++)
            for (int j = 0; j < steps[k - 1].Count; j++)
                _batches.Add(StepPart.PrefixOf(@case.Settings, k, j), @case.Batch(steps[k - 1][j]));
    }

    /// <summary>manifest.json.</summary>
    public TraceManifest Manifest { get; }

    /// <summary>The quantities by the keys of the reference, over the padded batch.</summary>
    public Dictionary<string, Values> Values { get; } = [];

    /// <summary>What is wrong with quantities that are there, by their keys.</summary>
    public SortedDictionary<string, string> Problems { get; } = new(StringComparer.Ordinal);

    /// <summary>Names of tensors that the case does not know.</summary>
    public List<string> Ignored { get; } = [];

    /// <summary>Reads a trace folder's manifest.</summary>
    /// <exception cref="InputException">There is none, or it is no manifest of a trace.</exception>
    public static TraceManifest ReadManifest(string folder)
    {
        string path = Path.Combine(folder, "manifest.json");
        var read = ConformJson.Read(path, ConformJson.Default.TraceManifest, "a trace's manifest");
        var manifest = read with { Dtype = Precision.NameOf(read.Dtype) };
        if (manifest.Schema != TraceManifest.CurrentSchema)
            throw new InputException(
                "a trace is of another schema", $"{path}, key schema", ConformJson.Clean(manifest.Schema),
                TraceManifest.CurrentSchema);
        if (!Precision.Known.ContainsKey(manifest.Dtype))
            throw new InputException(
                "a trace's dtype is not known", $"{path}, key dtype", ConformJson.Clean(manifest.Dtype),
                string.Join(", ", Precision.Known.Keys));
        if (manifest.LossScale is { } scale && !(scale > 0 && double.IsFinite(scale)))
            throw new InputException(
                "a trace's loss scale is no factor", $"{path}, key loss_scale", $"{scale}", "a finite number above 0");
        return manifest;
    }

    /// <summary>Reads a trace of a case.</summary>
    /// <exception cref="InputException">A file cannot be read at all, or the trace holds nothing.</exception>
    public static Trace Read(string folder, TraceManifest manifest, LoadedCase @case)
    {
        var trace = new Trace(manifest, @case);
        foreach (string path in Directory.EnumerateFiles(folder, "*.safetensors").Order(StringComparer.Ordinal))
        {
            using var file = SafetensorsFile.Open(path);
            foreach (var entry in file.Tensors.Values)
                trace.Take(file, entry);
        }

        trace.Moved();
        trace.Scalars();
        return trace.Values.Count + trace.Problems.Count > 0
            ? trace
            : throw new InputException(
                "a trace holds nothing that could be judged", folder,
                trace.Ignored.Count == 0
                    ? "no tensor and no scalar"
                    : $"tensors of other names, such as {ConformJson.Clean(trace.Ignored[0])}",
                "tensors named s1/p1/site0/raw, s1/grad/NAME and so on", "docs/conform.md lists the names");
    }

    private void Take(SafetensorsFile file, TensorEntry entry)
    {
        if (KeyOf(entry.Name) is not { } key || Values.ContainsKey(key))
        {
            Ignored.Add(entry.Name);
            return;
        }

        if (entry.Count > _most)
        {
            Problems[key] = $"it announces {entry.Count} elements, more than any tensor of this case has";
            return;
        }

        try
        {
            Values[key] = Align(key, entry.Type.IsFloat
                ? Verification.Values.Read(file, entry.Name)
                : new([.. file.ReadIntegers(entry.Name).Select(value => (double)value)], entry.Shape));
        }
        catch (CheckpointException error)
        {
            Problems[key] = ConformJson.Clean(error.What);
        }
    }

    /// <summary>The reference's key of a port's tensor; null where the case has no such quantity.</summary>
    private string? KeyOf(string name)
    {
        var parameter = ParameterKey().Match(name);
        if (parameter.Success)
            return Inside(parameter.Groups[1].Value)
                ? $"s{parameter.Groups[1].Value}/{parameter.Groups[2].Value}/{parameter.Groups[3].Value.Replace(".default.", ".", StringComparison.Ordinal)}"
                : null;
        var match = PassKey().Match(name);
        if (!match.Success || !Inside(match.Groups[1].Value))
            return null;
        string part = match.Groups[2].Value, prefix = $"s{match.Groups[1].Value}/";
        if (_case.Settings.Steps[int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) - 1].Count > 1
            || part is not ("m0" or "r0" or ""))
            prefix += $"{part}/";
        if (!_batches.ContainsKey(prefix))
            return null;
        string rest = match.Groups[3].Value;
        return SiteKey().Match(rest) is { Success: true } site
            ? SiteAt(site.Groups[2].Value) is { } at
                ? $"{prefix}{site.Groups[1].Value}/{SiteNames.Key(at)}/{site.Groups[3].Value}"
                : null
            : $"{prefix}{rest}";
    }

    private bool Inside(string step) =>
        int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out int k) && k >= 1
            && k <= _case.Settings.Steps.Count;

    private Site? SiteAt(string index)
    {
        if (!int.TryParse(index, NumberStyles.None, CultureInfo.InvariantCulture, out int i))
            return null;
        if (Manifest.Sites is not { } sites)
            return i < _case.Model().Layers ? new(i, SiteKind.AttentionOutput) : null;
        return i < sites.Count && SiteNames.Of(sites[i]) is { } site && site.Layer < _case.Model().Layers ? site : null;
    }

    /// <summary>Rows end to end, with or without padding, become (rows, length, columns).</summary>
    private Values Align(string key, Values values)
    {
        var batch = _batches.FirstOrDefault(entry => key.StartsWith(entry.Key, StringComparison.Ordinal)).Value;
        if (batch is null || values.Shape is not [var rows, var columns]
            || key.Contains("/grad/", StringComparison.Ordinal)
            || key.Contains("/param/", StringComparison.Ordinal) || (rows == batch.Rows && columns == batch.Length))
            return values;
        return rows == batch.Ids.Count ? values with { Shape = [batch.Rows, batch.Length, columns] }
            : rows == batch.Real.Length ? batch.Pad(values.Numbers, (int)columns)
            : values;
    }

    /// <summary>What was added at each site: out - raw, measured and not told.</summary>
    private void Moved()
    {
        foreach (string key in Values.Keys.Where(key => key.EndsWith("/out", StringComparison.Ordinal)).ToArray())
        {
            if (!Values.TryGetValue(key[..^3] + "raw", out var raw))
                continue;
            var (moved, added) = (Values[key], Added(key));
            if (!moved.Shape.SequenceEqual(raw.Shape))
                Problems[added] = $"out has the shape {moved.Extents}, raw {raw.Extents}";
            else
                Values[added] = raw with { Numbers = [.. moved.Numbers.Zip(raw.Numbers, (a, b) => a - b)] };
        }
    }

    private string Added(string outKey)
    {
        string key = outKey[..^"/out".Length];
        string first = _case.Settings.Method == "random" ? "p1" : "p2";
        return key.Contains($"/{first}/", StringComparison.Ordinal)
            ? key.Replace($"/{first}/", "/eps/", StringComparison.Ordinal)
            : $"{key}/moved";
    }

    private void Scalars()
    {
        foreach (var step in Manifest.Steps ?? [])
        {
            if (step.Step < 1 || step.Step > _case.Settings.Steps.Count)
                continue;
            foreach (var (name, value) in step.Losses ?? new Dictionary<string, double?>())
                Values[$"s{step.Step}/{name}/loss"] = value ?? double.NaN;
            foreach (var (name, value) in step.Norms ?? new Dictionary<string, double?>())
                Values[$"s{step.Step}/{name}"] = value ?? double.NaN;
            if (step.Passes is { } passes)
                Values[$"s{step.Step}/passes"] = passes;
        }

        for (int k = 1; k <= _case.Settings.Steps.Count; k++)
        {
            string[] seen = [.. Values.Keys.Where(key => key.StartsWith($"s{k}/", StringComparison.Ordinal))];
            bool second = seen.Any(key => key.Contains("/p2/", StringComparison.Ordinal));
            if (second || seen.Any(key => key.Contains("/p1/", StringComparison.Ordinal)))
                Values.TryAdd($"s{k}/passes", second ? 2 : 1);
        }
    }

    [GeneratedRegex(@"^s([0-9]{1,6})/(grad|param)/(.{1,300})\z", RegexOptions.CultureInvariant)]
    private static partial Regex ParameterKey();

    [GeneratedRegex(
        @"^s([0-9]{1,6})/(?:([mr][0-9]{1,4})/)?((?:p[12]/(?:site[0-9]{1,6}/(?:raw|out|grad)|logits))|input_ids|labels|attention_mask)\z",
        RegexOptions.CultureInvariant)]
    private static partial Regex PassKey();

    [GeneratedRegex(@"^(p[12])/site([0-9]{1,6})/(raw|out|grad)\z", RegexOptions.CultureInvariant)]
    private static partial Regex SiteKey();
}
