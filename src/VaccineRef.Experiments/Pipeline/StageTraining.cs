using System.Diagnostics;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>What is written while a stage is under way.</summary>
/// <param name="Steps">Where its steps go, a line each; null where they are not kept.</param>
/// <param name="Checkpoints">Where it is kept on the way.</param>
/// <param name="Notice">Told in a sentence where it goes on, and which files are passed over.</param>
internal sealed record StageJournal(string? Steps, StageCheckpoints Checkpoints, Action<string> Notice);

/// <summary>What was seen of a training stage so far.</summary>
/// <param name="Steps">A record for each step.</param>
/// <param name="Curve">What was measured on the way.</param>
internal sealed record StageProgress(IReadOnlyList<StepRecord> Steps, IReadOnlyList<CurvePoint> Curve);

/// <summary>
/// Watches the steps of a training stage: notes each, measures the model at chosen ones, and keeps the whole training
/// so that it goes on after a stop as if there had been none.
/// </summary>
/// <param name="journal">Where it is written; null where nothing is.</param>
/// <param name="options">When it is kept.</param>
/// <param name="steps">How many steps the stage has.</param>
/// <param name="device">Where it is computed.</param>
/// <param name="meter">Measures the perturbation, at the steps <paramref name="measured"/>.</param>
/// <param name="measured">The steps at which the perturbation is measured.</param>
/// <param name="points">The numbers of steps after which the model is measured.</param>
/// <param name="curve">Receives what was measured, here or before the stop.</param>
/// <param name="measure">Measures the model as it is now.</param>
/// <param name="onStep">Told of all steps so far after each of them, and of how many there are to be.</param>
/// <param name="cancel">Whether the stage was stopped.</param>
internal sealed class StageTraining<T>(
    StageJournal? journal, CheckpointOptions options, int steps, Device device, PerturbationMeter<T> meter,
    IReadOnlyList<int> measured,
    IReadOnlyList<int> points, List<CurvePoint> curve, Func<Measurement> measure,
    Action<IReadOnlyList<StepRecord>, int> onStep, CancellationToken cancel)
    : ICheckpoints<T>, IDisposable
    where T : unmanaged, IFloatingPointIeee754<T>
{
    // A training that is done is kept before it is measured, unless less than this would be lost.
    private static readonly TimeSpan Worth = TimeSpan.FromMinutes(1);

    private readonly Stopwatch _since = new();
    private readonly List<StepRecord> _records = [];
    private StepLog? _log;
    private int _kept;

    /// <summary>A record for each step, those before a stop included.</summary>
    public IReadOnlyList<StepRecord> Records => _records;

    /// <summary>To be told of every step.</summary>
    public void Note(StepRecord step)
    {
        _log?.Add(step);
        _records.Add(step);
        Look(step.Step);
        onStep(_records, steps);
    }

    /// <inheritdoc/>
    public void Begin(IKeepsState<T> training)
    {
        if (journal is not null)
        {
            using (var file = journal.Checkpoints.Newest(journal.Notice))
                if (file is not null)
                    PutBack(file, training);
            _log = journal.Steps is { } path ? new StepLog(path, _records) : null;
        }

        _kept = _records.Count;
        if (_kept > 0)
            onStep(_records, steps);
        _since.Restart();
        Look(_kept);
    }

    /// <inheritdoc/>
    public void Stepped(int step, IKeepsState<T> training)
    {
        bool due = (options.EverySteps > 0 && step - _kept >= options.EverySteps)
            || (options.EveryMinutes > 0 && _since.Elapsed.TotalMinutes >= options.EveryMinutes);
        if (due)
            Keep(step, training);
    }

    /// <inheritdoc/>
    public void Ended(int step, IKeepsState<T> training)
    {
        if (step > _kept
            && (step < steps || cancel.IsCancellationRequested || (options.EveryMinutes > 0 && _since.Elapsed > Worth)))
            Keep(step, training);
    }

    /// <inheritdoc/>
    public void Dispose() => _log?.Dispose();

    private void Look(int step)
    {
        meter.IsOn = measured.Contains(step + 1);
        if (points.Contains(step) && curve.All(point => point.Step != step))
            curve.Add(new(step, measure()));
    }

    private void Keep(int step, IKeepsState<T> training)
    {
        journal?.Checkpoints.Keep<T>(step, device, state => Exchange(state, training));
        _kept = step;
        _since.Restart();
    }

    private void PutBack(SafetensorsFile file, IKeepsState<T> training)
    {
        try
        {
            KeptState<T>.Read(file, device, state => Exchange(state, training));
        }
        catch (Exception error) when (error is JsonException or OverflowException or ArgumentException)
        {
            throw new CheckpointException(
                "a checkpoint does not fit its stage", file.Path, null, error.Message, "what this program wrote for it",
                "remove the file", error);
        }
    }

    private void Exchange(KeptState<T> state, IKeepsState<T> training)
    {
        training.Exchange(state.Within("training"));
        byte[] written = state.Part(
            "progress", state.IsRead
                ? []
                : JsonSerializer.SerializeToUtf8Bytes(new(_records, curve), ProgressJson.Default.StageProgress));
        if (!state.IsRead)
            return;
        var progress = CompleteJson.Read(JsonElement.Parse(written), ProgressJson.Default.StageProgress);
        if (progress.Steps.Count > steps || progress.Steps.Index().Any(each => each.Item.Step != each.Index + 1))
            throw new JsonException($"{progress.Steps.Count} steps of {steps}");
        _records.AddRange(progress.Steps);
        curve.AddRange(progress.Curve);
    }
}

/// <summary>How the progress of a stage is written into its checkpoints.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(StageProgress))]
internal sealed partial class ProgressJson : JsonSerializerContext;
