using VaccineRef.Core;

namespace VaccineRef.Verification.Conform;

/// <summary>
/// Runs a case under a variation and lists every quantity in causal order. With the port's own quantities, each is
/// computed from those that the port had before it (epsilon from the port's site gradients, the second pass from its
/// epsilon, the update from its gradients), so that a first defect does not hide a second.
/// </summary>
internal sealed class Simulation
{
    private readonly LoadedCase _case;
    private readonly CaseSettings _settings;
    private readonly Variation _variation;
    private readonly IReadOnlyDictionary<string, Values>? _own;
    private readonly double _lossScale;
    private readonly IReferenceModel _model;
    private readonly bool _nudged;
    private readonly Updating _updating;
    private readonly List<Quantity> _quantities = [];
    private readonly PassInputs _inputs;
    private IReadOnlyDictionary<string, Values> _weights;
    private IReadOnlyDictionary<string, Values>? _gradients;                              // of the step before
    private IReadOnlyList<IReadOnlyDictionary<Site, Values>>? _epsilon, _applied;         // of the step before
    private ChosenLayers _chosen = new(Layers: null);

    private Simulation(
        LoadedCase @case, Variation variation, IReadOnlyDictionary<string, Values>? own, double lossScale,
        IReadOnlyDictionary<string, Values>? inputs)
    {
        (_case, _settings, _variation, _own, _lossScale) = (@case, @case.Settings, variation, own, lossScale);
        _model = @case.Model(variation.AdapterScale == Hypotheses.Rank ? @case.Rank ?? 1 : variation.AdapterScale);
        _nudged = inputs is not null;
        _updating = new(_settings.Optimizer, variation);
        _model.Set(inputs ?? _model.All);
        _weights = inputs is null
            ? _model.Trained
            : _model.Trained.Keys.ToDictionary(name => name, name => inputs[name]);
        _inputs = new(@case, variation, _model);
    }

    /// <summary>All quantities of all steps.</summary>
    /// <param name="case">The case.</param>
    /// <param name="variation">What is done otherwise than in the reference.</param>
    /// <param name="own">The port's own quantities, to go on from; null to go on from what is computed.</param>
    /// <param name="lossScale">What the port multiplies its loss with before the first backward.</param>
    /// <param name="inputs">Other values for every weight.</param>
    public static IReadOnlyList<Quantity> Run(
        LoadedCase @case, Variation variation, IReadOnlyDictionary<string, Values>? own = null, double lossScale = 1,
        IReadOnlyDictionary<string, Values>? inputs = null) =>
        [.. new Simulation(@case, variation, own, lossScale, inputs).Quantities()];

    /// <summary>The same, computed as far as it is asked for.</summary>
    public static IEnumerable<Quantity> Stream(LoadedCase @case, Variation variation, double lossScale) =>
        new Simulation(@case, variation, null, lossScale, null).Quantities();

    private IEnumerable<Quantity> Quantities()
    {
        int done = 0;
        for (int step = 1; step <= _settings.Steps.Count; step++)
        {
            foreach (var phase in Phases(step, _settings.Steps[step - 1]))
            {
                phase();
                for (; done < _quantities.Count; done++)
                    yield return _quantities[done];
            }
        }
    }

    private Action[] Phases(int k, IReadOnlyList<string> batches)
    {
        var parts = batches.Select((name, j) => new StepPart(StepPart.PrefixOf(_settings, k, j), j, name, _case.Batch(name))).ToArray();
        bool twice = _settings.HasSecondPass && (k + _variation.TauOffset) % _settings.Tau == 0;
        return
        [
            () => Inputs(k, parts, twice),
            () => Array.ForEach(parts, part => First(k, part, twice)),
            () => Perturb(parts, twice),
            () => Second(parts, twice),
            () => Combine(k, parts),
            () => Update(k, parts[^1].Ascent),
        ];
    }

    private void Inputs(int k, StepPart[] parts, bool twice)
    {
        foreach (var part in parts)
        {
            void Tensor(string name, IReadOnlyList<long> values) => Emit(
                part.Prefix + name, Stage.Input,
                new([.. values.Select(value => (double)value)], [part.Batch.Rows, part.Batch.Length]));
            Tensor("input_ids", part.Batch.Ids);
            Tensor("labels", part.Batch.Labels);
            Tensor("attention_mask", part.Batch.Mask);
        }

        Emit($"s{k}/passes", Stage.Input, twice && !_variation.NoSecondPass ? 2 : 1);
        _model.Set(_weights);
        _chosen = new(_settings.Layers?[k - 1]);
    }

    private void First(int k, StepPart part, bool twice)
    {
        IReadOnlyDictionary<Site, Values>? shift = null;
        if (_settings.Method == "random")
            shift = Noise(k, part);
        else if (_variation.AlsoFirstPass && _applied is { } before)
            shift = before[Math.Min(part.Index, before.Count - 1)];
        part.Input = _inputs.Of(part);
        part.First = k == 1 && shift is null && !_nudged
            ? _case.FirstPass(part.Name, _variation, () => _model.Run(part.Input))
            : _model.Run(part.Input, shift);
        if (twice)
            foreach (var (site, raw) in part.First.Raw)
                Emit(
                    $"{part.Prefix}p1/{SiteNames.Key(site)}/moved", Stage.First,
                    shift?.GetValueOrDefault(site) ?? raw.Zero(), part,
                    padding: false, measuredOn: raw.Norm);
        Pass(part, "p1", part.First, Stage.First);
        part.G = Ball.Measured(part, Projection().Back(part.First.SiteGradients), _lossScale);
    }

    private Dictionary<Site, Values> Noise(int k, StepPart part)
    {
        Dictionary<Site, Values> noise = [];
        foreach (var (site, unit) in _case.NoiseOf(k, _model.Layers))
        {
            string key = $"{part.Prefix}eps/{SiteNames.Key(site)}";
            var expected = Perturbing.Times(unit, _variation.Deviation(_settings.Rho));
            Emit(key, Stage.Perturbation, expected, part, padding: false);
            noise.Add(site, Own(key) ?? expected);
        }

        return noise;
    }

    private void Pass(StepPart part, string name, PassResult result, Stage stage)
    {
        string at = $"{part.Prefix}{name}/";
        foreach (var (site, raw) in result.Raw)
            if (!Projected(site))
                Emit($"{at}{SiteNames.Key(site)}/raw", stage, raw, part, padding: false);
        Emit($"{at}logits", stage, result.Logits, part, padding: false);
        Emit($"{at}loss", stage, result.Loss);
        foreach (var (site, gradient) in Projection().Back(result.SiteGradients))
            Emit($"{at}{SiteNames.Key(site)}/grad", stage, Perturbing.Times(gradient, _lossScale), part);
    }

    private void Perturb(StepPart[] parts, bool twice)
    {
        if (!twice)
            return;
        if (_settings.MovesWeights)
        {
            MoveWeights(parts);
            return;
        }

        if (_variation is { Norm: NormKind.All, Counts: null, BeforeProjection: false })
            foreach (var part in parts)
                Emit($"{part.Prefix}site_gradient", Stage.Perturbation, Perturbing.Norm(OneBall ? parts.Select(p => p.G) : [part.G]));
        var epsilon = Ball.Around(parts, OneBall, Guard);
        var used = _variation.Stale
            ? _epsilon
                ?? [.. epsilon.Select(part => part.ToDictionary(entry => entry.Key, entry => entry.Value.Zero()))]
            : epsilon;
        _epsilon = epsilon;
        used = [.. used.Select(
            part => part.ToDictionary(entry => entry.Key, entry => Perturbing.Times(entry.Value, _variation.Applied)))];
        for (int j = 0; j < parts.Length; j++)
            parts[j].Epsilon = EmitEpsilon(parts[j], used[j], Perturbing.Norm(OneBall ? used : [used[j]]));
        _applied = [.. parts.Select(part => part.Epsilon)];
    }

    private void Second(StepPart[] parts, bool twice)
    {
        if (!twice || _variation.NoSecondPass)
            return;
        foreach (var part in parts)
        {
            if (part.Ascent is { } ascent)
                _model.Set(Perturbing.Plus(_weights, ascent));          // the next step begins with the weights as they are then
            part.Second = _model.Run(part.Input!, Projection().Forward(part.Epsilon));
            Pass(part, "p2", part.Second, Stage.Second);
        }
    }

    /// <summary>The weights are moved one part at a time; no embedding moves but for what they make of it.</summary>
    private void MoveWeights(StepPart[] parts)
    {
        foreach (var part in parts)
        {
            var ascent = Perturbing.OfWeights(part.First!.Gradients, _variation, _settings.Rho, Guard);
            part.Ascent = ascent.ToDictionary(
                entry => entry.Key, entry => Perturbing.Times(entry.Value, _variation.Applied));
            part.Epsilon = EmitEpsilon(part, new Dictionary<Site, Values>(), Values.NormOf(part.Ascent.Values));
        }
    }

    /// <summary>Lists a perturbation at every site, zero where none is; returns what the port had.</summary>
    private Dictionary<Site, Values> EmitEpsilon(StepPart part, IReadOnlyDictionary<Site, Values> epsilon, double norm)
    {
        Dictionary<Site, Values> applied = [];
        if (_variation.NoSecondPass)
            return applied;
        foreach (var (site, raw) in part.First!.Raw)
        {
            string key = $"{part.Prefix}eps/{SiteNames.Key(site)}";
            var expected = epsilon.GetValueOrDefault(site) ?? raw.Zero();
            Emit(key, Stage.Perturbation, expected, part, padding: false, measuredOn: raw.Norm, scale: norm);
            if (epsilon.ContainsKey(site) || Own(key) is not null)
                applied.Add(site, Own(key) ?? expected);
        }

        Emit($"{part.Prefix}perturbation", Stage.Perturbation, norm);
        return applied;
    }

    private void Combine(int k, StepPart[] parts)
    {
        var graph = _variation.ThroughGraph && _settings.Method == "vaccine" && parts[0].Second is not null
            ? new GraphTerm(_model, _variation.Radius(_settings.Rho), Guard).Of(parts, OneBall) : null;
        var gradients = PartSums.Of(_weights, parts, _variation, Projection(), graph, _gradients, _chosen);
        double whole = Values.NormOf(gradients.Values);
        foreach (var (name, values) in gradients)
            Emit($"s{k}/grad/{name}", Stage.Gradient, values, scale: whole);
        _gradients = gradients.ToDictionary(entry => entry.Key, entry => Own($"s{k}/grad/{entry.Key}") ?? entry.Value);
        Emit($"s{k}/gradient", Stage.Gradient, Values.NormOf(_gradients.Values));
    }

    /// <summary>
    /// The optimizer's step; "ascent" is how far the weights were moved in the last second pass, where they were.
    /// </summary>
    private void Update(int k, IReadOnlyDictionary<string, Values>? ascent)
    {
        double whole = Values.NormOf(_gradients!.Values);
        var updated = _updating.Step(
            _variation.NotRestored && ascent is not null ? Perturbing.Plus(_weights, ascent) : _weights, _gradients,
            _chosen);
        foreach (var (name, values) in updated)
            _quantities.Add(new($"s{k}/param/{name}", Stage.Update, values) { Undecided = PartSums.Undecided(_gradients[name], whole) });
        _weights = updated.ToDictionary(entry => entry.Key, entry => Own($"s{k}/param/{entry.Key}") ?? entry.Value);
    }

    private EmbeddingBall Ball =>
        new(_settings, _variation, site => _variation.LayersIgnored || _chosen.Has(site.Layer), _model.Layers, Own);

    private Projection Projection() => new(_model, _weights, _variation.BeforeProjection);

    private double Guard => _variation.Guard ?? _settings.Guard;

    private bool OneBall => (_settings.Parts == PartKind.Ranks) != _variation.OtherBalls;

    private bool Projected(Site site) => _variation.BeforeProjection && site.Kind == SiteKind.AttentionOutput;

    private Values? Own(string key) => _own?.GetValueOrDefault(key);

    private void Emit(
        string key, Stage stage, Values values, StepPart? part = null, bool padding = true, double measuredOn = 0,
        double scale = 0) =>
        _quantities.Add(Quantity.Of(key, stage, values, part?.Batch, padding, measuredOn, scale));
}
