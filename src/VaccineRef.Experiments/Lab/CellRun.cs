using System.Diagnostics;
using VaccineRef.Core;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.Runs;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Lab;

/// <summary>Computes one cell on one device: pre-training, an alignment, or an attack. The parent's model is in the cache.</summary>
internal sealed class CellRun : IDisposable
{
    private const int ProbeBatch = 50;

    private readonly LabSettings _settings;
    private readonly LabCache _cache;
    private readonly LabCell _cell;
    private readonly Device _device;
    private readonly CancellationToken _cancel;
    private readonly Action _onStep;
    private readonly TrainOptions _options;
    private readonly ILabMaterial _material;
    private readonly List<LabPoint> _curve = [];
    private readonly RandomStream _random;

    public CellRun(LabSettings settings, LabCache cache, LabCell cell, Device device, Action onStep, CancellationToken cancel)
    {
        (_settings, _cache, _cell, _device, _onStep, _cancel) = (settings, cache, cell, device, onStep, cancel);
        _random = RandomStream.FromSeed(cell.Seed);
        _options = LabKeys.Training(settings, cell);
        _material = settings.Subject.Open(cell, device);
    }

    /// <inheritdoc/>
    public void Dispose() => _material.Dispose();

    /// <summary>Computes the cell, keeps its model where others begin with it, and keeps the result.</summary>
    public LabResult Run(string hash, string? parentHash, LabResult? parent)
    {
        var clock = Stopwatch.StartNew();
        bool begins = _cell.Parent is null || (_material.GivesBase && _cell.Parent.Parent is null);
        using var model = begins ? _material.Base() : _cache.Load(parentHash!, _device, _settings.Recipe?.Recipe.Weights ?? WeightPrecision.Full);
        var result = _cell switch
        {
            { Attack: not null } => Attack(model, parent!),
            { Arm.Method: { } method } => Align(model, method, hash),
            _ => Base(model, hash),
        };
        result = result with { Hash = hash, Times = result.Times is { } times ? times with { Seconds = clock.Elapsed.TotalSeconds } : null };
        _cache.Keep(result);
        return result;
    }

    private LabResult Base(Model<float> model, string hash)
    {
        var trained = _material.GivesBase ? null : Train(model, new MethodChoice(), _material.Pretraining(), "base", null);
        var result = Result(trained, null, Measure(model, null), null, null);
        if (!_material.GivesBase)
            _cache.Keep(hash, model);
        return result;
    }

    private LabResult Align(Model<float> model, MethodChoice method, string hash)
    {
        if (_cell.Arm.Adapters is LabAdapters.Double or LabAdapters.Single)
            Attach(model, attack: false);
        var trained = Train(model, method, _material.Alignment(), _material.AlignmentStream, null);
        if (_cell.Arm.Adapters == LabAdapters.Double)
            model.MergeAdapter();
        if (_cell.Arm.StreamScale is { } factor)
            ResidualStream.Scale(model, factor);
        var measured = Measure(model, null);
        var result = Result(trained, null, measured, _settings.Convergence.Of(measured, _cell.Arm.Adapters), null);
        _cache.Keep(hash, model);
        return result;
    }

    private LabResult Attack(Model<float> model, LabResult parent)
    {
        if (_cell.Arm.Adapters is LabAdapters.Double or LabAdapters.Full)
            Attach(model, attack: true);
        using var drift = Drift(model);
        var projection = LabKeys.IsProjected(_settings, _cell) ? new Projection(_material, _device, _settings.ProjectedPrompts) : null;
        projection?.Add(model.Network, attacked: false);
        _curve.Add(_material.Exam.Point(0, model, Drift(drift.Measure())));
        var objective = Defenses.Objective(_cell.Arm.Defense, model, _material.Alignment(), _options.BatchSize);
        using var disposable = objective as IDisposable;
        var trained = Train(model, new MethodChoice(), _material.Attack(), "attack", drift, objective);
        projection?.Add(model.Network, attacked: true);
        return Result(trained, parent.Measured, Measure(model, drift), parent.Converged, projection?.Done());
    }

    private void Attach(Model<float> model, bool attack) =>
        Lora.Attach(model, _material.Adapter(attack), _random.At(attack ? "attack adapter" : "alignment adapter"));

    private Trained Train(
        Model<float> model, MethodChoice method, IReadOnlyList<TokenSequence> data, string stream, EmbeddingDrift<float>? drift,
        IObjective<float>? objective = null)
    {
        var rule = Methods.Rule<float>(method, _device);
        using var disposable = rule as IDisposable;
        var meter = new PerturbationMeter<float>(objective ?? new CrossEntropyObjective<float>(model.Network));
        var trainable = model.Trainable;
        int steps = _options.Steps(data.Count);
        int[] measured = Spread(steps, _settings.PerturbationPoints), points = Spread(steps, _settings.CurvePoints);
        meter.IsOn = measured.Contains(1);
        var records = new List<StepRecord>();
        var trainer = new Trainer<float>(_device, trainable, meter, rule, _options with { Seed = _random.At(stream).Key });
        var report = trainer.Run(data, step =>
        {
            records.Add(step);
            meter.IsOn = measured.Contains(step.Step + 1);
            if (drift is not null && points.Contains(step.Step))
                _curve.Add(_material.Exam.Point(step.Step, model, Drift(drift.Measure())));
            _onStep();
        }, _cancel);
        _cancel.ThrowIfCancellationRequested();
        long count = trainable.Sum(parameter => parameter.Shape.Count);
        return new(report, records, meter, measured, count, model.Bytes + (model.Adapter is null ? 0 : sizeof(float) * count));
    }

    /// <summary>Steps spread evenly up to the last; fewer where there are not so many.</summary>
    private static int[] Spread(int steps, int count) =>
        [.. Enumerable.Range(1, count).Select(i => Math.Max(1, (int)((long)steps * i / count))).Distinct()];

    private LabMeasurement Measure(Model<float> model, EmbeddingDrift<float>? drift)
    {
        using var now = Drift(model);
        return _material.Exam.Measure(model, drift is null ? null : Drift(drift.Measure()), now.Measure().ReferencePerToken);
    }

    private EmbeddingDrift<float> Drift(Model<float> model) =>
        new(model.Network, _material.Exam.Probe.Chunk(ProbeBatch).Select(PackedBatch.Pack), _device);

    private static LabDrift Drift(Drift drift) => new(drift.PerToken, drift.PerLayer);

    private LabResult Result(Trained? trained, LabMeasurement? before, LabMeasurement measured, bool? converged, LabProjection? projection) => new(
        "", _cell, before, measured, converged, trained?.Perturbation(), _curve,
        _curve.FirstOrDefault(point => point.HarmfulScore.Percentage > 50)?.Step, projection, trained?.Cost(), trained?.Times());

    /// <summary>A training stage with all that was seen of it.</summary>
    private sealed record Trained(
        TrainReport Report, IReadOnlyList<StepRecord> Steps, PerturbationMeter<float> Meter, IReadOnlyList<int> Measured, long Count,
        long WeightBytes)
    {
        public LabPerturbation? Perturbation()
        {
            double[] norms = [.. Steps.Select(step => step.PerturbationNorm).Where(norm => norm > 0)];
            var means = Meter.Tokens > 0 ? Meter.Means : default;
            return norms.Length == 0 ? null : new(norms.Average(), means.Epsilon, means.Hidden, means.Relative, Measured);
        }

        // besides the weights: a gradient and two moments for each number that is trained
        public LabCost Cost() => new(
            Report.Steps, Count, (double)Report.Forwards / Report.Steps, (double)Report.Reverses / Report.Steps,
            WeightBytes + (3 * sizeof(float) * Count) + Meter.Bytes + Meter.StateBytes + Report.PeakActivationBytes, (double)Report.Tokens / Report.Steps);

        public LabTimes Times()
        {
            double[] seconds = [.. Steps.Select(step => step.Seconds).Order()];
            return new(seconds[seconds.Length / 2], seconds.Sum(), 0);
        }
    }
}
