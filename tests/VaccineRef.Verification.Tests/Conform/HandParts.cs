using System.Globalization;
using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Verification.Tests.Conform;

/// <summary>The hand-written port's hooks: what it reads and what it adds where.</summary>
internal sealed class Spy(string defect, Dictionary<Site, double[]>? shift, Device device, Arena kept) : ITap<double>
{
    public Dictionary<Site, double[]> Raw { get; } = [];

    public Dictionary<Site, double[]> Out { get; } = [];

    public Dictionary<Site, Tensor<double>> Tensors { get; } = [];

    /// <summary>
    /// Where the port moves what goes into the output projection: the projections, which it then applies itself.
    /// </summary>
    public HandProjection? Projection { get; init; }

    public bool Keeps(SiteKind kind) => true;

    /// <summary>The sites that the port hooks, and so records.</summary>
    public bool IsRecorded(Site site) => defect switch
    {
        "site_mlp" => site.Kind == SiteKind.MlpOutput,
        "site_after_block" => site.Kind == SiteKind.BlockOutput,
        "extra_mlp_sites" => site.Kind is SiteKind.AttentionOutput or SiteKind.MlpOutput,
        "extra_embedding_site" => site.Kind is SiteKind.AttentionOutput or SiteKind.TokenEmbedding,
        _ => site.Kind == SiteKind.AttentionOutput,
    };

    public Tensor<double> At(Site site, Tensor<double> hidden, Pass<double> pass)
    {
        if (defect == "dropout_anew" && site.Kind == SiteKind.TokenEmbedding)
            return pass.Tape.Apply(new Dropout<double>(0.1), [hidden], random: pass.Random.At("embedding"));
        bool counted = IsRecorded(site) || (defect == "norm_counts_mlp" && site.Kind == SiteKind.MlpOutput);
        if (!counted)
            return hidden;
        Tensors.Add(site, hidden);
        Raw.Add(site, hidden.Value.Span.ToArray());
        var moved = hidden;
        if (shift is not null && shift.TryGetValue(site, out double[]? epsilon))
        {
            var view = kept.Allocate<double>(hidden.Shape);
            device.Upload<double>(epsilon, view);
            moved = pass.Tape.Apply(new Add<double>(), [hidden, pass.Tape.Constant(view)]);
            if (defect == "applied_twice")
                moved = pass.Tape.Apply(new Add<double>(), [moved, pass.Tape.Constant(view)]);
        }

        Out.Add(site, moved.Value.Span.ToArray());
        return Projection?.Of(site, moved, pass.Tape) ?? moved;
    }
}

/// <summary>The hand-written port's inner maximisation, over packed rows.</summary>
internal static class HandBall
{
    public static List<Dictionary<Site, double[]>> Around(
        List<Dictionary<Site, double[]>> gradients, string defect, double rho, List<PackedBatch> batches)
    {
        int last = gradients[0].Keys.Max(site => site.Layer);
        bool Dropped(Site site) => (defect == "missing_last_site" && site.Layer == last)
            || (defect == "missing_first_site" && site.Layer == 0);
        var kept = gradients.Select(part => part.Where(entry => !Dropped(entry.Key)).ToDictionary()).ToList();
        double guard = defect == "guard_missing" ? 0 : 1e-7;
        double all = Math.Sqrt(kept.Sum(part => part.Values.Sum(Square)));
        List<Dictionary<Site, double[]>> epsilon = [];
        for (int j = 0; j < kept.Count; j++)
        {
            Dictionary<Site, double[]> mine = [];
            foreach (var (site, gradient) in kept[j])
            {
                if (defect == "norm_counts_mlp" && site.Kind == SiteKind.MlpOutput)
                    continue;
                int columns = gradient.Length / batches[j].Rows;
                mine[site] = [.. gradient.Select((g, i) => defect.Split(' ')[0] switch
                {
                    "sign_of_gradient" => rho * Math.Sign(g),
                    "norm_missing" => rho * g,
                    "norm_squared" => rho * g / ((all * all) + guard),
                    "norm_per_layer" => rho * g / (Math.Sqrt(kept.Sum(part => Square(part[site]))) + guard),
                    "norm_sum_of_layers" =>
                        rho * g / (kept[j].Keys.Sum(s => Math.Sqrt(kept.Sum(part => Square(part[s])))) + guard),
                    "norm_per_sample" => rho * g / (OfSample(kept[j], batches[j], i / columns, columns) + guard),
                    "norm_per_token" =>
                        rho * g / (Math.Sqrt(Square(gradient.AsSpan(i / columns * columns, columns).ToArray())) + guard) is var e && double.IsFinite(e) ? e : 0,
                    _ => rho * g / (all + guard),
                })];
            }

            epsilon.Add(mine);
        }

        return epsilon;
    }

    /// <summary>Everything times the size of the hidden embeddings.</summary>
    public static List<Dictionary<Site, double[]>> Sized(
        List<Dictionary<Site, double[]>> values, List<Dictionary<Site, double[]>> hidden) =>
        [.. values.Zip(hidden, (part, raw) => part.ToDictionary(
            entry => entry.Key,
            entry => entry.Value.Zip(raw[entry.Key], (value, e) => value * Math.Abs(e)).ToArray()))];

    /// <summary>(d eps / dg)' u for eps = rho g / (|g| + guard): as a unit vector, and its length.</summary>
    public static (Dictionary<Site, double[]> Unit, double Length) Along(
        Dictionary<Site, double[]> g, Dictionary<Site, double[]> u, double rho)
    {
        const double Guard = 1e-7;
        double norm = Math.Sqrt(g.Values.Sum(Square)),
            gu = g.Sum(entry => entry.Value.Zip(u[entry.Key], (a, b) => a * b).Sum());
        var along = g.ToDictionary(entry => entry.Key, entry => entry.Value.Zip(
            u[entry.Key],
            (a, b) => rho * ((b / (norm + Guard)) - (a * gu / (norm * Math.Pow(norm + Guard, 2))))).ToArray());
        double length = Math.Sqrt(along.Values.Sum(Square));
        return (along.ToDictionary(entry => entry.Key, entry => entry.Value.Select(x => x / length).ToArray()), length);
    }

    private static double Square(double[] values) => values.Sum(value => value * value);

    private static double OfSample(Dictionary<Site, double[]> gradients, PackedBatch batch, int row, int columns)
    {
        int s = Array.FindLastIndex(batch.Offsets, offset => offset <= row);
        return Math.Sqrt(
            gradients.Values.Sum(g => Square(g[(batch.Offsets[s] * columns)..(batch.Offsets[s + 1] * columns)])));
    }
}

/// <summary>The hand-written port's inner maximisation over weights.</summary>
internal static class HandWeights
{
    /// <summary>SAM: the weights are moved for the second pass and put back.</summary>
    public static void Step(
        IReadOnlyList<Parameter<double>> parameters, Action<string> pass, double rho, double guard, string defect)
    {
        var before = Gradients(parameters);
        Restore(
            parameters.Select(parameter => parameter.Gradient),
            [.. before.Select(gradient => new double[gradient.Length])]);
        pass("p1");
        var first = Gradients(parameters);
        if (defect == "second_pass_missing")
            return;
        var weights = defect == "never_applied" ? [] : Move(parameters, rho, guard, defect);
        Restore(parameters.Select(parameter => parameter.Gradient), defect == "first_pass_kept" ? first : before);
        pass("p2");
        if (defect != "weights_not_restored")
            Restore(parameters.Select(parameter => parameter.Value), weights);
    }

    private static List<double[]> Gradients(IReadOnlyList<Parameter<double>> parameters) =>
        [.. parameters.Select(parameter => parameter.Gradient.Span.ToArray())];

    /// <summary>Moves the weights along their gradients, and gives them as they were.</summary>
    private static List<double[]> Move(
        IReadOnlyList<Parameter<double>> parameters, double rho, double guard, string defect)
    {
        List<double[]> before = [.. parameters.Select(parameter => parameter.Value.Span.ToArray())],
            gradients = Gradients(parameters);
        double all = Math.Sqrt(gradients.Sum(gradient => gradient.Sum(g => g * g)));
        for (int p = 0; p < parameters.Count; p++)
        {
            double own = Math.Sqrt(gradients[p].Sum(g => g * g)), norm = defect == "norm_per_tensor" ? own : all;
            for (int i = 0; i < gradients[p].Length; i++)
                parameters[p].Value.Span[i] += rho * gradients[p][i] / (norm + guard);
        }

        return before;
    }

    private static void Restore(IEnumerable<View<double>> views, List<double[]> values)
    {
        foreach (var (view, value) in views.Zip(values))
            value.CopyTo(view.Span);
    }
}

/// <summary>The hand-written port's optimizer, element by element.</summary>
internal sealed class HandUpdate(string defect)
{
    private readonly Dictionary<string, (double M, double V)[]> _moments = [];
    private readonly Dictionary<string, int> _steps = [];

    public void Step(JsonNode settings, IReadOnlyList<Parameter<double>> parameters)
    {
        double lr = (double)settings["learning_rate"]!, wd = (double)settings["weight_decay"]!,
            b1 = (double)settings["beta1"]!;
        double b2 = (double)settings["beta2"]!, eps = (double)settings["epsilon"]!,
            max = (double)settings["max_gradient_norm"]!;
        double Length(Parameter<double> p) => Math.Sqrt(p.Gradient.Span.ToArray().Sum(g => g * g));
        double whole = Math.Sqrt(parameters.Sum(p => Length(p) * Length(p)));
        foreach (var parameter in parameters)
        {
            Span<double> w = parameter.Value.Span, g = parameter.Gradient.Span;
            var moments = _moments.TryGetValue(parameter.Name, out var there)
                ? there
                : _moments[parameter.Name] = new (double, double)[w.Length];
            int t = _steps[parameter.Name] = _steps.GetValueOrDefault(parameter.Name) + 1;
            double clip = defect == "no_clipping"
                ? 1
                : Math.Min(1, max / ((defect == "clipped_each_tensor" ? Length(parameter) : whole) + 1e-6));
            double decay = defect == "no_decay"
                || (parameter.Dimensions.Count == 1 && defect != "decay_of_vectors") ? 0 : wd;
            for (int i = 0; i < w.Length; i++)
            {
                double gi = (g[i] * clip) + (defect == "coupled_decay" ? decay * w[i] : 0);
                if (defect != "coupled_decay")
                    w[i] -= lr * decay * w[i];
                var (m, v) =
                    moments[i] = ((b1 * moments[i].M) + ((1 - b1) * gi), (b2 * moments[i].V) + ((1 - b2) * gi * gi));
                if (defect != "no_bias_correction")
                    (m, v) = (m / (1 - Math.Pow(b1, t)), v / (1 - Math.Pow(b2, t)));
                w[i] -= lr * m / (defect == "adam_epsilon_inside" ? Math.Sqrt(v + eps) : Math.Sqrt(v) + eps);
            }
        }
    }
}

/// <summary>The hand-written port's recorder.</summary>
internal sealed class TraceFile
{
    private readonly List<(string Name, long[] Shape, double[] Values)> _tensors = [];
    private readonly List<Site> _sites = [];
    private readonly SortedDictionary<int, JsonObject> _losses = [];

    public void Add(string name, View<double> view, IReadOnlyList<long> dimensions) =>
        _tensors.Add((name, [.. dimensions], view.Span.ToArray()));

    public void Site(Site site, string prefix, string kind, double[] values, Shape? shape = null)
    {
        if (!_sites.Contains(site))
            _sites.Add(site);
        int columns = shape?.Columns ?? Columns(site, values);
        if (kind == "raw")
            _columns[site] = columns;
        _tensors.Add(($"{prefix}/site{_sites.IndexOf(site)}/{kind}", [values.Length / columns, columns], values));
    }

    private readonly Dictionary<Site, int> _columns = [];

    private int Columns(Site site, double[] values) =>
        _columns.GetValueOrDefault(site) is > 0 and var known ? known : Hidden(values);

    private static int Hidden(double[] values) =>
        values.Length % 24 == 0 ? 24 : throw new InvalidOperationException("a site is no multiple of the hidden size");

    public void Loss(string prefix, double loss)
    {
        int step = int.Parse(prefix[1..prefix.IndexOf('/', StringComparison.Ordinal)], CultureInfo.InvariantCulture);
        if (!_losses.TryGetValue(step, out var losses))
            _losses.Add(step, losses = []);
        losses[prefix[(prefix.IndexOf('/', StringComparison.Ordinal) + 1)..]] = loss;
    }

    public void Write(string folder, string name, string dtype)
    {
        Directory.CreateDirectory(folder);
        var type = dtype == "float32" ? TensorType.F32 : TensorType.F64;
        SafetensorsWriter.Write(
            Path.Combine(folder, "trace.safetensors"),
            [.. _tensors.Select(t => TensorData.Floats<double>(t.Name, type, t.Shape, t.Values))]);
        string Module(Site site) => site.Kind switch
        {
            SiteKind.AttentionOutput => $"model.layers.{site.Layer}.self_attn",
            SiteKind.MlpOutput => $"model.layers.{site.Layer}.mlp",
            SiteKind.BlockOutput => $"model.layers.{site.Layer}",
            _ => "model.embed_tokens",
        };
        var manifest = new JsonObject
        {
            ["schema"] = "vaccine-trace/1",
            ["case"] = name,
            ["dtype"] = dtype,
            ["implementation"] = new JsonObject { ["name"] = "by hand", ["version"] = "1" },
            ["sites"] = new JsonArray([.. _sites.Select(site => (JsonNode)Module(site))]),
            ["steps"] = new JsonArray(
                [.. _losses.Select(step => (JsonNode)new JsonObject { ["step"] = step.Key, ["losses"] = step.Value })]),
        };
        File.WriteAllText(Path.Combine(folder, "manifest.json"), manifest.ToJsonString());
    }
}
