using System.Globalization;
using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Verification.Tests.Conform;

/// <summary>
/// A port written by hand against the public API, the way a PyTorch script goes about it: gradients add up in the
/// parameters and are set to zero by hand, rows are packed, and AdamW is the library's. It shares nothing with the
/// simulation of the checker. Each defect is planted where somebody would make it.
/// </summary>
/// <param name="folder">The case folder.</param>
/// <param name="defect">What it does wrong; empty for nothing.</param>
/// <param name="device">Where it runs.</param>
internal sealed class HandPort(string folder, string defect, Device device) : IDisposable
{
    private readonly JsonNode _case = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "case.json")))!;
    private readonly Model<double> _model = Load(folder, defect, device);
    private readonly Tape<double> _tape = new(device);
    private readonly Arena _gradients = new(device);
    private readonly Arena _weights = new(device);
    private readonly Arena _kept = new(device);
    private readonly HandData _data = new(folder, defect);
    private readonly TraceFile _trace = new();
    private readonly HandUpdate _update = new(defect);
    private HandProjection? _projection;
    private IReadOnlyList<Parameter<double>> _trainable = [];
    private List<Dictionary<Site, double[]>> _before = [];
    private Dictionary<Site, double[]> _raw = [];       // of the last pass
    private int[]? _chosen;
    private Dictionary<string, double[]> _teachers = [];

    public static void Run(
        string caseFolder, string defect, string traceFolder, Device device, string dtype = "float64")
    {
        using var port = new HandPort(caseFolder, defect, device);
        port.Train();
        port._trace.Write(traceFolder, (string)port._case["name"]!, dtype);
    }

    public void Dispose()
    {
        _tape.Dispose();
        _gradients.Dispose();
        _weights.Dispose();
        _kept.Dispose();
        _model.Dispose();
    }

    private bool IsHeld(Parameter<double> parameter) => _chosen is not null
        && parameter.Name.Split('.') is ["model", "layers", var layer, ..]
        && !_chosen.Contains(int.Parse(layer, CultureInfo.InvariantCulture));

    private bool IsSam => (string)_case["method"]! == "sam";

    private bool IsAdaptive => (string)_case["method"]! == "adaptive_vaccine";

    private double Rho => defect switch
    {
        "wrong_sign" => -(double)_case["rho"]!,
        "rho_squared" => Math.Pow((double)_case["rho"]!, 2),
        "rho_root" => Math.Sqrt((double)_case["rho"]!),
        _ => (double)_case["rho"]!,
    };

    private void Train()
    {
        _projection = defect == "site_before_projection" ? new(_model, _weights) : null;
        _trainable = _projection?.Trainable ?? _model.Trainable;
        foreach (var parameter in _trainable)
            parameter.Train(_gradients);
        var steps = _case["steps"]!.AsArray();
        if ((double)_case["kl_lambda"]! != 0)
            _teachers = steps.SelectMany(step => step!.AsArray()).Select(name => (string)name!).Distinct().ToDictionary(
                name => name, Teach);
        int tau = (int)_case["tau"]!;
        for (int k = 1; k <= steps.Count; k++)
        {
            string[] names = [.. steps[k - 1]!.AsArray().Select(name => (string)name!)];
            if (defect != "never_zeroed")
                ZeroGradients();
            int count = defect == "tau_from_zero" ? k - 1 : k;
            _chosen = _case["layers"] is { } layers ? [.. layers[k - 1]!.AsArray().Select(layer => (int)layer!)] : null;
            if (IsSam)
                HandWeights.Step(
                    _trainable, pass => Pass($"s{k}/{pass}", names.Single(), null, 1), Rho, (double)_case["guard"]!,
                    defect);
            else
                Step(k, names, IsAdaptive || ((string)_case["method"]! == "vaccine" && count % tau == 0));
            foreach (var parameter in _trainable.Where(IsHeld))
                if (defect != "unchosen_layers_trained")
                    parameter.Gradient.Span.Clear();
            foreach (var parameter in _trainable)
                _trace.Add($"s{k}/grad/{parameter.Name}", parameter.Gradient, parameter.Dimensions);
            bool all = defect is "unchosen_layers_trained" or "unchosen_layers_decayed";
            _update.Step(_case["optimizer"]!, [.. _trainable.Where(parameter => all || !IsHeld(parameter))]);
            foreach (var parameter in _trainable)
                _trace.Add($"s{k}/param/{parameter.Name}", parameter.Value, parameter.Dimensions);
        }
    }

    private void Step(int k, string[] names, bool twice)
    {
        string letter = (string)_case["parts"]! == "ranks" ? "r" : "m";
        string Prefix(int j) => names.Length == 1 ? $"s{k}/" : $"s{k}/{letter}{j}/";
        double share = defect == "parts_summed" ? 1 : 1.0 / names.Length;
        bool together = (letter == "r") != (defect == "ball_of_other_parts");
        List<Dictionary<Site, double[]>> gradients = [], sizes = [];
        for (int j = 0; j < names.Length; j++)
        {
            var shift = (string)_case["method"]! == "random" ? _data.Noise(
                k, (double)_case["rho"]!, _model.Network.Shape.Layers)
                : defect == "first_pass_moved_too" && _before.Count > 0 ? _data.Unpad(_before[j], names[j]) : null;
            bool alone = !twice || defect == "second_pass_missing"
                || defect.Contains("first_pass_kept", StringComparison.Ordinal);
            gradients.Add(Pass($"{Prefix(j)}p1", names[j], shift, alone ? share : 0));
            sizes.Add(_raw);
        }

        if (!twice || defect == "second_pass_missing")
            return;
        if (_chosen is not null && defect != "unchosen_layers_moved")
            gradients =
                [.. gradients.Select(part => part.Where(entry => _chosen.Contains(entry.Key.Layer)).ToDictionary())];
        if (IsAdaptive && defect != "not_adaptive")
            gradients = HandBall.Sized(gradients, sizes);
        List<Dictionary<Site, double[]>> epsilon = together
            ? HandBall.Around(gradients, defect, Rho, names.Select(_data.Batch).ToList())
            : [.. gradients.Select((g, j) => HandBall.Around([g], defect, Rho, [_data.Batch(names[j])])[0])];
        if (IsAdaptive && defect is not ("not_adaptive" or "adaptive_once"))
            epsilon = HandBall.Sized(epsilon, sizes);
        List<Dictionary<Site, double[]>> used = defect == "stale_epsilon"
            ? [.. _before.Select((e, j) => _data.Unpad(e, names[j]))]
            : epsilon;
        for (int j = 0; j < names.Length; j++)
        {
            if (defect == "accumulation_lost")
                ZeroGradients();
            var shift = used.Count == 0 || defect == "never_applied" ? null : used[j];
            var moved = Pass($"{Prefix(j)}p2", names[j], shift, share);
            if (defect == "epsilon_through_graph")
                ThroughEpsilon($"{Prefix(j)}p1", names[j], HandBall.Along(gradients[j], moved, Rho), share);
        }

        _before = [.. epsilon.Select((e, j) => _data.Pad(e, names[j]))];
    }

    /// <summary>
    /// One forward, recorded; its site gradients; and, where asked for, its share of the parameters' gradients.
    /// </summary>
    private Dictionary<Site, double[]> Pass(string prefix, string name, Dictionary<Site, double[]>? shift, double share)
    {
        var spy = Spy(shift);
        var loss = Loss(Run(spy, prefix), name);
        foreach (var (site, raw) in spy.Raw)
            if (spy.IsRecorded(site))
            {
                _trace.Site(site, prefix, "raw", raw);
                _trace.Site(site, prefix, "out", spy.Out[site]);
            }

        _raw = spy.Raw;
        _trace.Loss(prefix, loss.Value.Span[0]);
        var sites = spy.Tensors.Keys.ToArray();
        var found = _tape.Backward(loss, [.. sites.Select(site => spy.Tensors[site])]);
        var gradients = sites.ToDictionary(site => site, site => found[spy.Tensors[site]].Span.ToArray());
        foreach (var site in sites.Where(spy.IsRecorded))
            _trace.Site(site, prefix, "grad", gradients[site], found[spy.Tensors[site]].Shape);
        _tape.Clear();
        if (share != 0)
            Descend(prefix, name, shift, share);
        _kept.Rewind();
        return gradients;
    }

    private void Descend(string prefix, string name, Dictionary<Site, double[]>? shift, double share)
    {
        _tape.BackwardToParameters(Loss(Run(Spy(shift), prefix), name), share);
        _tape.Clear();
    }

    /// <summary>
    /// What epsilon adds to the gradient if it is no constant: the derivative of dL/dw along a shift of all sites, by a
    /// difference of fourth order.
    /// </summary>
    private void ThroughEpsilon(
        string prefix, string name, (Dictionary<Site, double[]> Unit, double Length) along, double share)
    {
        // H^4 and the rounding of a gradient, 1e-16 / H, are both far below the bound of 1e-10
        const double H = 1e-4;
        foreach (var (steps, weight) in new[] { (1, 8.0), (-1, -8.0), (2, -1.0), (-2, 1.0) })
        {
            var shift = along.Unit.ToDictionary(
                entry => entry.Key, entry => entry.Value.Select(x => x * steps * H).ToArray());
            Descend(prefix, name, shift, share * along.Length * weight / (12 * H));
            _kept.Rewind();
        }
    }

    private Spy Spy(Dictionary<Site, double[]>? shift) =>
        new(defect, shift, device, _kept) { Projection = _projection };

    /// <summary>A pass; what is drawn in it depends on its name alone.</summary>
    private Pass<double> Run(Spy spy, string prefix) => new(_tape, spy, RandomStream.FromSeed(1).At(prefix));

    private Tensor<double> Loss(Pass<double> pass, string name)
    {
        var batch = _data.Batch(name);
        var hidden = _model.Network.Forward(pass, batch);
        var head = _tape.Of(_model.Network.Head);
        var loss = _tape.Apply(new CrossEntropy<double>(), [hidden, head], _data.Targets(batch));
        if (defect == "loss_summed")
            loss = _tape.Apply(new Scale<double>(batch.Counted), [loss]);
        if (defect == "loss_mean_of_sequences")
            loss = MeanOfSequences(batch, hidden, head);
        if (!_teachers.TryGetValue(name, out double[]? teacher))
            return loss;
        return _tape.Apply(
            new Add<double>((double)_case["kl_lambda"]!), [loss, Divergence(batch, hidden, head, teacher)]);
    }

    private Tensor<double> MeanOfSequences(PackedBatch batch, Tensor<double> hidden, Tensor<double> head)
    {
        Tensor<double>? sum = null;
        for (int s = 0; s < batch.Sequences; s++)
        {
            int[] rows = [.. Enumerable.Range(batch.Offsets[s], batch.Offsets[s + 1] - batch.Offsets[s])];
            var mine = _tape.Apply(new Embedding<double>(), [hidden], rows);
            var one = _tape.Apply(
                new CrossEntropy<double>(), [mine, head], rows.Select(row => batch.Targets[row]).ToArray());
            sum = sum is { } before ? _tape.Apply(new Add<double>(), [before, one]) : one;
        }

        return _tape.Apply(new Scale<double>(1.0 / batch.Sequences), [sum!.Value]);
    }

    private Tensor<double> Divergence(PackedBatch batch, Tensor<double> hidden, Tensor<double> head, double[] teacher)
    {
        var logits = _tape.Apply(new Linear<double>(), [hidden, head]);
        var taught = _tape.Constant(Keep(teacher, logits.Shape));
        if (defect != "kl_over_time")
        {
            var all = _tape.Apply(new KlDivergence<double>(), [logits, taught]);
            return _tape.Apply(new Mean<double>(), [_tape.Apply(new Embedding<double>(), [all], batch.CountedRows)]);
        }

        var terms = _tape.Apply(new KlOverTime<double>(), [logits, taught], batch.Offsets);
        return _tape.Apply(
            new Scale<double>((double)terms.Shape.Count / batch.Sequences), [_tape.Apply(new Mean<double>(), [terms])]);
    }

    private double[] Teach(string name)
    {
        var hidden = _model.Network.Forward(new Pass<double>(_tape, new NoTap<double>()), _data.Batch(name));
        double[] logits = _tape.Apply(new Linear<double>(), [hidden, _tape.Of(_model.Network.Head)]).Value.Span
            .ToArray();
        _tape.Clear();
        return logits;
    }

    private View<double> Keep(double[] values, Shape shape)
    {
        var view = _kept.Allocate<double>(shape);
        values.CopyTo(view.Span);
        return view;
    }

    private void ZeroGradients()
    {
        foreach (var parameter in _trainable)
            parameter.Gradient.Span.Clear();
    }

    private static Model<double> Load(string folder, string defect, Device device)
    {
        var model = LanguageModel.Load<double>(folder, device);
        string config = Path.Combine(folder, AdapterConfig.FileName);
        if (!File.Exists(config))
            return model;
        var aside = Directory.CreateTempSubdirectory("adapter");
        var json = JsonNode.Parse(File.ReadAllText(config))!;
        double alpha = (double)json["lora_alpha"]!;
        json["lora_alpha"] =
            defect switch { "lora_alpha" => alpha * (int)json["r"]!, "lora_scale_quarter" => alpha / 4, _ => alpha };
        File.WriteAllText(Path.Combine(aside.FullName, AdapterConfig.FileName), json.ToJsonString());
        File.Copy(
            Path.Combine(folder, "adapter_model.safetensors"),
            Path.Combine(aside.FullName, "adapter_model.safetensors"));
        Lora.Load(model, aside.FullName);
        aside.Delete(recursive: true);
        return model;
    }
}
