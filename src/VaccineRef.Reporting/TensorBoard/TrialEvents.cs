using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Training;

namespace VaccineRef.Reporting.TensorBoard;

/// <summary>
/// The curves of a run or a grid for TensorBoard, which shows each folder as one run: a folder for each training stage,
/// under the model, the condition and the attack, as far as the stage belongs to one, and the seed. A stage's file
/// grows step by step while the stage is computed.
/// </summary>
/// <param name="folder">
/// The report's folder; <c>tensorboard --logdir FOLDER/tensorboard</c> shows what is written there.
/// </param>
/// <param name="clock">Every event bears the time of writing.</param>
public sealed class TrialEvents(string folder, TimeProvider clock) : IDisposable
{
    /// <summary>The folder beside the report.</summary>
    public const string Folder = "tensorboard";

    private const int IdentityDigits = 12;

    private readonly Dictionary<string, Written> _written = [];             // by the hash of the stage
    private readonly HashSet<string> _taken = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Adds what is new. It is to be told of everything that a run reports, one at a time.</summary>
    /// <exception cref="Core.InputException">The disk is full or a file cannot be written.</exception>
    public void Follow(RunProgress at)
    {
        foreach (var running in at.Running)
            if (running.Last is not null || running.Curve.Count > 0)
                Add(running);
        if (at.Finished is { Stage.Hash: var hash } && _written.TryGetValue(hash, out var done))
            done.Log?.Dispose();
    }

    /// <summary>
    /// Writes the curves of the attacks that were not followed, because they were kept from an earlier run. What that
    /// run wrote of them is left as it is.
    /// </summary>
    /// <returns>How many files there are now.</returns>
    /// <exception cref="Core.InputException">The disk is full or a file cannot be written.</exception>
    public int Complete(ExperimentReport report)
    {
        foreach (var trial in report.Trials)
        {
            if (report.Attacked(trial) is not { Curve: { Count: > 0 } curve, Hash: var hash }
                || _written.ContainsKey(hash))
                continue;
            string path = Begin(hash, [trial.Model, trial.Condition, trial.Attack!, $"seed {trial.Seed}"]);
            _written.Add(hash, new(null));
            if (File.Exists(path))
                continue;
            using var log = new EventLog(path, clock);
            log.Add(curve.SelectMany(point => Scalars(report.Options.Attack, point)));
        }

        return _written.Count;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var each in _written.Values)
            each.Log?.Dispose();
    }

    private void Add(RunningStage running)
    {
        var stage = running.Stage;
        if (!_written.TryGetValue(stage.Hash, out var written))
        {
            var (name, condition, attack) = RunForecast.Label(stage);
            string?[] parts = [stage.Trial.Model, condition, attack ?? name, $"seed {stage.Trial.Seed}"];
            _written.Add(stage.Hash, written = new(new EventLog(Begin(stage.Hash, parts), clock)));
        }

        var added = running.Curve.Skip(written.Points).SelectMany(point => Scalars(stage.Name, point)).ToList();
        for (; written.Steps < (running.Last?.Step ?? 0); written.Steps++)
            added.AddRange(Scalars(stage.Name, running.Records[written.Steps]));
        written.Points = running.Curve.Count;
        if (added.Count > 0)
            written.Log!.Add(added);
    }

    /// <summary>The file of a stage, in a folder of its own from which files of other stages are removed.</summary>
    private string Begin(string hash, IEnumerable<string?> parts)
    {
        string place = Path.Combine([folder, Folder, .. parts.OfType<string>().Select(Name)]), free = place;
        for (int i = 2; !_taken.Add(free); i++)             // two names can become one
            free = $"{place} ({i})";
        string path = Path.Combine(free, EventFile.Name(hash[..Math.Min(hash.Length, IdentityDigits)]));
        foreach (string other in EventFile.In(free).Where(other => other != path))
            File.Delete(other);
        return path;
    }

    /// <summary>A name as that of a folder, on any system.</summary>
    private static string Name(string name)
    {
        string kept = string.Concat(name.Select(c => char.IsControl(c) || "/\\:*?\"<>|".Contains(c, StringComparison.Ordinal) ? '_' : c)).Trim(' ', '.');
        return kept.Length > 0 ? kept : "_";
    }

    // The names are those of steps.jsonl.
    private static IEnumerable<Scalar> Scalars(string stage, StepRecord step) => Scalars(
        stage, step.Step,
        [
            ("loss", step.Loss), ("clean_loss", step.CleanLoss), ("gradient_norm", step.GradientNorm),
            ("learning_rate", step.LearningRate),
            ("site_gradient_norm", step.SiteGradientNorm), ("perturbation_norm", step.PerturbationNorm),
            ("seconds", step.Seconds),
            .. step.Scalars?.Select(each => (each.Key, (double?)each.Value)) ?? [],
        ]);

    private static IEnumerable<Scalar> Scalars(string stage, CurvePoint point)
    {
        var measured = point.Measured;
        return Scalars(
            stage, point.Step,
            [
                ("harmful_score", measured.Find(Metrics.HarmfulScore)?.Percentage),
                ("finetune_accuracy", measured.Accuracy?.Percentage),
                ("alignment_loss", measured.AlignmentLoss), ("refusal_loss", measured.RefusalLoss),
                ("drift", measured.Drift?.PerToken),
                .. measured.Drift?.PerLayer.Select((drift, layer) => ($"drift_layer_{layer}", (double?)drift)) ?? [],
            ]);
    }

    private static IEnumerable<Scalar> Scalars(string stage, int step, (string Name, double? Value)[] values) =>
        from each in values
        where each.Value is not null
        select new Scalar($"{stage}/{each.Name}", step, each.Value!.Value);

    /// <summary>What of a stage is written already.</summary>
    private sealed class Written(EventLog? log)
    {
        public EventLog? Log { get; } = log;

        public int Steps { get; set; }

        public int Points { get; set; }
    }
}
