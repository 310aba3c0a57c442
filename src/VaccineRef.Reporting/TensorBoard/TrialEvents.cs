using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Grid;

namespace VaccineRef.Reporting.TensorBoard;

/// <summary>The curves of a report as TensorBoard's runs: a folder for each attack on each model, condition and seed.</summary>
public static class TrialEvents
{
    /// <summary>The folder beside the report.</summary>
    public const string Folder = "tensorboard";

    /// <summary>Writes an event file for every trial that has a curve.</summary>
    /// <param name="report">What was found.</param>
    /// <param name="folder">The report's folder; <c>tensorboard --logdir FOLDER/tensorboard</c> shows what is written there.</param>
    /// <param name="clock">Every event bears the time of writing.</param>
    /// <returns>How many files were written.</returns>
    /// <exception cref="Core.InputException">The disk is full or a file cannot be written.</exception>
    public static int Write(ExperimentReport report, string folder, TimeProvider clock)
    {
        var written = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var trial in report.Trials)
        {
            if (report.Attacked(trial) is not { Curve: { Count: > 0 } curve })
                continue;
            string place = Path.Combine([folder, Folder, Name(trial.Model), Name(trial.Condition), Name(trial.Attack ?? ""), $"seed {trial.Seed}"]);
            string free = place;
            for (int i = 2; !written.Add(free); i++)        // two names can become one
                free = $"{place} ({i})";
            EventFile.Write(free, curve.SelectMany(Scalars), clock);
        }

        return written.Count;
    }

    /// <summary>A name as that of a folder, on any system.</summary>
    private static string Name(string name)
    {
        string kept = string.Concat(name.Select(c => char.IsControl(c) || "/\\:*?\"<>|".Contains(c, StringComparison.Ordinal) ? '_' : c)).Trim(' ', '.');
        return kept.Length > 0 ? kept : "_";
    }

    private static IEnumerable<Scalar> Scalars(CurvePoint point)
    {
        var measured = point.Measured;
        (string Tag, double? Value)[] values =
        [
            ("harmful_score", measured.Find(Metrics.HarmfulScore)?.Percentage), ("finetune_accuracy", measured.Accuracy?.Percentage),
            ("alignment_loss", measured.AlignmentLoss), ("refusal_loss", measured.RefusalLoss), ("drift", measured.Drift?.PerToken),
            .. measured.Drift?.PerLayer.Select((drift, layer) => ($"drift_layer_{layer}", (double?)drift)) ?? [],
        ];
        foreach (var (tag, value) in values)
            if (value is { } number)
                yield return new($"attack/{tag}", point.Step, number);
    }
}
