using System.Diagnostics;
using VaccineRef.Alignment.Evaluation;
using VaccineRef.Alignment.Recipes;
using VaccineRef.Alignment.World;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Alignment.Lab;

/// <summary>Computes one cell on one device: pre-training, an alignment, or an attack. The parent's model is in the cache.</summary>
internal sealed class CellRun
{
    private const int ProbeBatch = 50;

    private readonly LabSettings _settings;
    private readonly LabCache _cache;
    private readonly LabCell _cell;
    private readonly Device _device;
    private readonly CancellationToken _cancel;
    private readonly Action _onStep;
    private readonly TrainOptions _options;
    private readonly SyntheticWorld _world;
    private readonly WorldExam _exam;
    private readonly List<LabPoint> _curve = [];
    private readonly RandomStream _random;

    public CellRun(LabSettings settings, LabCache cache, LabCell cell, Device device, Action onStep, CancellationToken cancel)
    {
        (_settings, _cache, _cell, _device, _onStep, _cancel) = (settings, cache, cell, device, onStep, cancel);
        _random = RandomStream.FromSeed(cell.Seed);
        _options = LabKeys.Training(settings, cell);
        _world = new(cell.Seed, cell.Attack is { } attack ? settings.World with { AttackCount = attack.Samples } : settings.World);
        _exam = new(_world, device);
    }

    /// <summary>Computes the cell, keeps its model where others begin with it, and keeps the result.</summary>
    public LabResult Run(string hash, string? parentHash, LabResult? parent)
    {
        var clock = Stopwatch.StartNew();
        using var model = parentHash is null
            ? LanguageModel.Create<float>(LabModel.Config(_cell.Size), _device, _random.At("weights"))
            : _cache.Load(parentHash, _device);
        var result = _cell switch
        {
            { Attack: { } attack } => Attack(model, attack, parent!),
            { Arm.Method: { } method } => Align(model, method, hash),
            _ => Pretrain(model, hash),
        };
        result = result with { Hash = hash, Times = result.Times! with { Seconds = clock.Elapsed.TotalSeconds } };
        _cache.Keep(result);
        return result;
    }

    private LabResult Pretrain(Model<float> model, string hash)
    {
        // each example is seen about once
        var data = WorldExam.Encode(_world.Pretraining(_options.BatchSize * _options.MaxSteps));
        var trained = Train(model, new MethodChoice(), data, "base", null);
        var result = Result(trained, null, Measure(model, null), null, null);
        _cache.Keep(hash, model);
        return result;
    }

    private LabResult Align(Model<float> model, MethodChoice method, string hash)
    {
        if (_cell.Arm.Adapters != LabAdapters.Full)
            Attach(model, "alignment adapter");
        var trained = Train(model, method, WorldExam.Encode(_world.Alignment()), "align", null);
        if (_cell.Arm.Adapters == LabAdapters.Double)
            MergeAdapter(model);
        var measured = Measure(model, null);
        var result = Result(trained, null, measured, Convergence.Of(measured), null);
        _cache.Keep(hash, model);
        return result;
    }

    private LabResult Attack(Model<float> model, LabAttack attack, LabResult parent)
    {
        if (model.Adapter is null)
            Attach(model, "attack adapter");
        using var drift = new EmbeddingDrift<float>(model.Network, _exam.Probe.Chunk(ProbeBatch).Select(PackedBatch.Pack), _device);
        var projection = LabKeys.IsProjected(_settings, _cell) ? new Projection(_world, _device, _settings.ProjectedPrompts) : null;
        projection?.Add(model.Network, attacked: false);
        _curve.Add(_exam.Point(0, model.Network, Drift(drift.Measure())));
        var alignment = WorldExam.Encode(_world.Alignment());
        var objective = Defenses.Objective(_cell.Arm.Defense, model, alignment, _options.BatchSize);
        using var disposable = objective as IDisposable;
        TokenSequence[] data =
        [
            .. WorldExam.Encode(_world.Attack(attack.HarmfulRatio)), .. Guards(alignment, Defenses.Guards(_cell.Arm.Defense)),
        ];
        var trained = Train(model, new MethodChoice(), data, "attack", drift, objective);
        projection?.Add(model.Network, attacked: true);
        return Result(trained, parent.Measured, Measure(model, drift), parent.Converged, projection?.Done());
    }

    /// <summary>Some of the refusals and helpful answers of the alignment, drawn without replacement.</summary>
    private TokenSequence[] Guards(TokenSequence[] alignment, int count)
    {
        if (count > alignment.Length)
            throw new InputException("there are not so many alignment examples", "count", $"{count}", $"at most {alignment.Length}");
        int[] order = [.. Enumerable.Range(0, alignment.Length)];
        _random.At("guard").Shuffle<int>(order);
        return [.. order.Take(count).Select(i => alignment[i])];
    }

    private void Attach(Model<float> model, string name) => Lora.Attach(
        model, new AdapterConfig(_settings.Rank, _settings.Rank * _settings.Scaling, TargetModules.AllLinear), _random.At(name));

    private static void MergeAdapter(Model<float> model)
    {
        using var adapter = model.Adapter;
        adapter?.Merge();
    }

    private Trained Train(
        Model<float> model, MethodChoice method, TokenSequence[] data, string stream, EmbeddingDrift<float>? drift,
        IObjective<float>? objective = null)
    {
        var rule = Methods.Rule<float>(method, _device);
        using var disposable = rule as IDisposable;
        var meter = new PerturbationMeter<float>(objective ?? new CrossEntropyObjective<float>(model.Network));
        var trainable = model.Trainable;
        int steps = _options.Steps(data.Length);
        int[] measured = Spread(steps, _settings.PerturbationPoints), points = Spread(steps, _settings.CurvePoints);
        meter.IsOn = measured.Contains(1);
        var records = new List<StepRecord>();
        var trainer = new Trainer<float>(_device, trainable, meter, rule, _options with { Seed = _random.At(stream).Key });
        var report = trainer.Run(data, step =>
        {
            records.Add(step);
            meter.IsOn = measured.Contains(step.Step + 1);
            if (drift is not null && points.Contains(step.Step))
                _curve.Add(_exam.Point(step.Step, model.Network, Drift(drift.Measure())));
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
        using var now = new EmbeddingDrift<float>(model.Network, _exam.Probe.Chunk(ProbeBatch).Select(PackedBatch.Pack), _device);
        return _exam.Measure(model.Network, drift is null ? null : Drift(drift.Measure()), now.Measure().ReferencePerToken);
    }

    private static LabDrift Drift(Drift drift) => new(drift.PerToken, drift.PerLayer);

    private LabResult Result(Trained trained, LabMeasurement? before, LabMeasurement measured, bool? converged, LabProjection? projection) => new(
        "", _cell, before, measured, converged, trained.Perturbation(), _curve,
        _curve.FirstOrDefault(point => point.HarmfulScore.Percentage > 50)?.Step, projection, trained.Cost(), trained.Times());

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
            WeightBytes + (3 * sizeof(float) * Count) + Meter.Bytes + Meter.StateBytes + Report.PeakWaveBytes, (double)Report.Tokens / Report.Steps);

        public LabTimes Times()
        {
            double[] seconds = [.. Steps.Select(step => step.Seconds).Order()];
            return new(seconds[seconds.Length / 2], seconds.Sum(), 0);
        }
    }
}
