using VaccineRef.Experiments.Lab;

namespace VaccineRef.Reporting.TensorBoard;

/// <summary>The curves of a report as TensorBoard's runs: a folder for each attack on each arm and seed.</summary>
public static class LabEvents
{
    /// <summary>The folder beside the report.</summary>
    public const string Folder = "tensorboard";

    /// <summary>Writes an event file for every cell that has a curve.</summary>
    /// <param name="report">What was found.</param>
    /// <param name="folder">The report's folder; <c>tensorboard --logdir FOLDER/tensorboard</c> shows what is written there.</param>
    /// <param name="clock">Every event bears the time of writing.</param>
    /// <returns>How many files were written.</returns>
    /// <exception cref="Core.InputException">The disk is full or a file cannot be written.</exception>
    public static int Write(LabReport report, string folder, TimeProvider clock)
    {
        var cells = report.Results.Where(result => result.Curve.Count > 0).ToArray();
        foreach (var result in cells)
            EventFile.Write(Path.Combine([folder, Folder, .. Names(result.Cell)]), Scalars(result), clock);
        return cells.Length;
    }

    private static string[] Names(LabCell cell)
    {
        string attack = FormattableString.Invariant(
            $"p={cell.Attack!.HarmfulRatio} n={cell.Attack.Samples}{(cell.Attack.StepFactor == 1 ? "" : $" steps x{cell.Attack.StepFactor}")}");
        return [cell.Size.Name, cell.Arm.Name.Replace('/', '_'), attack, $"seed {cell.Seed}"];
    }

    private static IEnumerable<Scalar> Scalars(LabResult result) => result.Curve.SelectMany(point => (Scalar[])
    [
        new("attack/harmful_score", point.Step, point.HarmfulScore.Percentage),
        .. point.FinetuneAccuracy is { } accuracy ? [new("attack/finetune_accuracy", point.Step, accuracy.Percentage)] : (Scalar[])[],
        new("attack/alignment_loss", point.Step, point.AlignmentLoss), new("attack/refusal_loss", point.Step, point.RefusalLoss),
        new("attack/drift", point.Step, point.Drift.PerToken),
        .. point.Drift.PerLayer.Select((drift, layer) => new Scalar($"attack/drift_layer_{layer}", point.Step, drift)),
    ]);
}
