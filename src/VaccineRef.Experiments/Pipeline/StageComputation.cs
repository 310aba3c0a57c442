using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Edits;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>Does to a model what a stage does, and measures it.</summary>
/// <param name="node">The stage.</param>
/// <param name="arithmetic">The device and the precision of its products, on which the last bits depend.</param>
/// <param name="journal">What is written while the stage is under way; null where nothing is.</param>
/// <param name="device">Where to compute.</param>
/// <param name="load">Loads the model that an earlier stage ended with, or the one that is given for null.</param>
/// <param name="progress">Told of every optimizer step, every point of the curve and every answer.</param>
/// <param name="cancel">Stops after the step under way.</param>
/// <param name="ranks">Among whom it is divided; nobody if it is null.</param>
internal sealed class StageComputation<T>(
    StageNode node, string arithmetic, StageJournal? journal, Device device, Func<StageNode?, Model<T>> load,
    Action<RunningStage> progress,
    CancellationToken cancel, StageRanks? ranks = null)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int ProbeBatch = 50, MostRehearsed = 64;

    private readonly StageRanks _ranks = ranks ?? StageRanks.Alone;
    private readonly RandomStream _random = RandomStream.FromSeed(node.Trial.Seed);
    private readonly List<CurvePoint> _curve = [];
    private readonly List<KeptAnswer> _answers = [];
    private RunningStage _at = new(node);

    /// <summary>The answers with which the model was measured at the end.</summary>
    public IReadOnlyList<KeptAnswer> Answers => _answers;

    /// <summary>What was measured on the way to where the stage failed; null if nothing was.</summary>
    public StageResult? SoFar => _curve.Count > 0 ? Result() : null;

    private Recipe Recipe => node.Recipe;

    /// <summary>Does it, and keeps nothing.</summary>
    /// <param name="model">The model that the stage before ended with.</param>
    /// <param name="reader">The data of the trial.</param>
    /// <param name="evaluation">What is measured; null for nothing.</param>
    public StageResult Do(Model<T> model, DataReader reader, IEvaluation<T>? evaluation) => node.Stage switch
    {
        TrainStageOptions train => Train(model, train, reader, evaluation),
        EditStageOptions edit => Edit(model, edit, reader, evaluation),
        _ => Result() with
        {
            Measured = Recipe.Model.IsTrained ? Measure(model, evaluation, null) : null,
            Warnings = model.Warnings.Count > 0 ? model.Warnings : null,
        },
    };

    private StageResult Result() =>
        new(StageResult.CurrentSchema, node.Hash, node.Name, null, null, _curve, null, null, null, null, arithmetic);

    private StageResult Edit(Model<T> model, EditStageOptions edit, DataReader reader, IEvaluation<T>? evaluation)
    {
        model.MergeAdapter();
        EditSize size;
        using (var context = new EditContext<T>(model, At, stream => reader.Stream(edit, stream)))
        {
            edit.Apply(context);
            size = context.Size;
        }

        return Result() with { Measured = Measure(model, evaluation, null), Edit = size };
    }

    /// <summary>
    /// The model that an earlier stage ended with, its adapter merged. In a rehearsal no stage has ended, and the model
    /// as it is given needs as much memory.
    /// </summary>
    private Model<T> At(string stage)
    {
        var earlier = node.Parent;
        while (earlier is not null && earlier.Name != stage)
            earlier = earlier.Parent;
        var model = load(earlier);
        model.MergeAdapter();
        return model;
    }

    private StageResult Train(Model<T> model, TrainStageOptions stage, DataReader reader, IEvaluation<T>? evaluation)
    {
        var (data, options) = Work(stage, reader);
        using var drift = node.IsAttack ? Drift(model, evaluation) : null;
        using var geometry = node.IsAttack ? Geometry(model, evaluation) : null;
        Attach(model, stage);
        var projection = node.IsAttack && evaluation is not null
            && Recipe.Evaluation is { ProjectedPrompts: > 0 and var prompts }
            ? new Projection<T>(evaluation, device, prompts) : null;
        projection?.Add(model.Network, attacked: false);
        var trained = Run(model, stage, (data, options), reader, evaluation, drift);
        projection?.Add(model.Network, attacked: true);
        return Result() with
        {
            Measured = Measure(model, evaluation, drift) is { } measured
                ? measured with { DriftGeometry = geometry?.Measure() }
                : null,
            Perturbation = trained.Perturbation(),
            StepsUntilBroken = _curve.FirstOrDefault(point => point.IsBroken)?.Step,
            Projection = projection?.Done(),
            Cost = trained.Cost(stage, data.Count),
            Times = trained.Times(),
        };
    }

    /// <summary>
    /// What is trained on, and how. On a device that only counts, two steps on the largest batch: from the second one
    /// on nothing more is taken.
    /// </summary>
    private (IReadOnlyList<TokenSequence> Data, TrainOptions Options) Work(TrainStageOptions stage, DataReader reader)
    {
        var data = reader.Training(stage);
        var options = stage.Training.For(_random.At(stage.Name).Key);
        return device is DryDevice
            ? Rehearsed(StageWork.Of(options, data).Largest, options)
            : (data, options with { Reduction = _ranks.Reduction });
    }

    private static (IReadOnlyList<TokenSequence> Data, TrainOptions Options) Rehearsed(
        IReadOnlyList<TokenSequence> largest, TrainOptions options)
    {
        int microBatches = Math.Min(options.Accumulation, MostRehearsed);
        return (
            [.. Enumerable.Repeat(largest, microBatches).SelectMany(batch => batch)],
            options with { MaxSteps = 2, BatchSize = largest.Count, Accumulation = microBatches, Shuffle = false });
    }

    /// <summary>
    /// Merges the adapter of the stage before unless this stage trains it on, and attaches a fresh one where one is
    /// asked for.
    /// </summary>
    private void Attach(Model<T> model, TrainStageOptions stage)
    {
        if (stage.Adapter is SameAdapterOptions)
            return;
        model.MergeAdapter();
        if (stage.Adapter is LoraOptions lora)
            Lora.Attach(model, lora.Config(), _random.At($"{stage.Name} adapter"));
    }

    private Trained Run(
        Model<T> model, TrainStageOptions stage, (IReadOnlyList<TokenSequence> Data, TrainOptions Options) work,
        DataReader reader,
        IEvaluation<T>? evaluation, EmbeddingDrift<T>? drift)
    {
        var (data, options) = work;
        var rule = stage.Rule.Make<T>(device);
        using var disposableRule = rule as IDisposable;
        var objective = stage.Objective.Make(new ObjectiveContext<T>(
            model, () => reader.Stage(Recipe.Before(stage)!).Sequences, options.BatchSize,
            At));         // RecipeLimits: there where it is needed
        using var disposableObjective = objective as IDisposable;
        var meter = new PerturbationMeter<T>(objective);
        int steps = options.Steps(data.Count);
        int[] measured = Spread(steps, Recipe.Evaluation?.PerturbationPoints ?? 0);
        int[] points = drift is null ? [] : Spread(steps, Recipe.Evaluation?.CurvePoints ?? 0);
        using var training = new StageTraining<T>(
            journal, Recipe.Checkpoint, steps, device, meter, measured, points.Length > 0 ? [0, .. points] : [], _curve,
            () => evaluation!.MeasureBriefly(model, cancel, Answered) with { Drift = drift!.Measure() }, Stepped,
            cancel);
        var trainable = model.Trainable;
        var report = new Trainer<T>(
            device, trainable, meter, rule, options, StageStreams.Of(stage, reader, _random), _ranks.Each)
            .Run(data, training.Note, training, cancel);
        if (report.Interrupted)
            _ranks.Each.Agree(() => throw new OperationCanceledException(cancel));
        long count = trainable.Sum(parameter => parameter.Shape.Count);
        bool adapted = model.Adapter is not null;
        long weights = model.Bytes + (adapted ? Unsafe.SizeOf<T>() * count : 0);
        return new(report, training.Records, meter, measured, count, adapted, weights + report.RuleBytes);
    }

    private void Stepped(IReadOnlyList<StepRecord> records, int steps) =>
        Report(_at with { Last = records[^1], Steps = steps, Answered = 0, Questions = 0, Records = records });

    private void Answered(int answered, int questions) =>
        Report(_at with { Answered = answered, Questions = questions });

    private void Report(RunningStage at) =>
        progress(_at = _curve.Count == at.Curve.Count ? at : at with { Curve = [.. _curve] });

    /// <summary>Steps spread evenly up to the last; fewer where there are not so many.</summary>
    private static int[] Spread(int steps, int count) =>
        [.. Enumerable.Range(1, count).Select(i => Math.Max(1, (int)((long)steps * i / count))).Distinct()];

    private Measurement? Measure(Model<T> model, IEvaluation<T>? evaluation, EmbeddingDrift<T>? drift)
    {
        if (evaluation is null)
            return null;
        using var now = Drift(model, evaluation);
        bool texts = Recipe.Evaluation!.KeepsTexts();
        var answers = new List<KeptAnswer>();
        var measured = evaluation.Measure(model, answers, cancel, Answered);
        _answers.AddRange(texts ? answers : answers.Select(answer => answer.WithoutTexts()));
        return measured with
        {
            Drift = drift?.Measure(),
            HiddenNorm = now?.Measure().ReferencePerToken,
            Sharpness = Sharpness(model, evaluation)
        };
    }

    private double? Sharpness(Model<T> model, IEvaluation<T> evaluation) =>
        Recipe.Evaluation is { Sharpness: > 0 and var share } && Probe(evaluation) is { } probe
            ? Training.Sharpness.Of(model.Network, probe, share, device) : null;

    private EmbeddingDrift<T>? Drift(Model<T> model, IEvaluation<T>? evaluation) =>
        Probe(evaluation) is { } probe ? new(model.Network, probe, device) : null;

    private DriftGeometryMeter<T>? Geometry(Model<T> model, IEvaluation<T>? evaluation) =>
        Recipe.Evaluation is { DriftGeometry: true } && Probe(evaluation) is { } probe
            ? new(model.Network, probe, device)
            : null;

    private static IEnumerable<PackedBatch>? Probe(IEvaluation<T>? evaluation) =>
        evaluation is { Probe.Count: > 0 } ? evaluation.Probe.Chunk(ProbeBatch).Select(PackedBatch.Pack) : null;

    /// <summary>A training stage with all that was seen of it.</summary>
    private sealed record Trained(
        TrainReport Report, IReadOnlyList<StepRecord> Steps, PerturbationMeter<T> Meter, IReadOnlyList<int> Measured,
        long Count,
        bool ThroughAdapter, long HeldBytes)
    {
        public PerturbationSize? Perturbation()
        {
            double[] norms = [.. Steps.Select(step => step.PerturbationNorm).Where(norm => norm > 0)];
            var means = Meter.Tokens > 0 ? Meter.Means : default;
            return norms.Length == 0
                ? null
                : new(norms.Average(), means.Epsilon, means.Hidden, means.Relative, Measured);
        }

        // besides the weights and what the rule holds: a gradient for each number that is trained, and what the
        // optimizer keeps
        public TrainingCost Cost(TrainStageOptions stage, int examples) => new(
            stage.Rule.Label(), stage.Objective.Label(), Report.Steps, examples, Count, ThroughAdapter,
            (double)Report.Forwards / Report.Steps, (double)Report.Reverses / Report.Steps,
            HeldBytes + (Unsafe.SizeOf<T>() * Count) + Report.OptimizerBytes + Meter.Bytes + Meter.StateBytes
                + Report.PeakActivationBytes,
            (double)Report.Tokens / Report.Steps, Report.LastLoss);

        public TrainingTimes Times()
        {
            double[] seconds = [.. Steps.Select(step => step.Seconds).Order()];
            return new(seconds[seconds.Length / 2], seconds.Sum(), 0);
        }
    }
}
