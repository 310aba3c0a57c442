using System.Globalization;
using Spectre.Console;
using VaccineRef.Experiments.Pipeline;

namespace VaccineRef.Cli;

/// <summary>Prints what a recipe will do and need.</summary>
internal static class PlanOutput
{
    private const double KiB = 1024;

    /// <summary>Prints everything: stages, rows, sums.</summary>
    public static void Write(IAnsiConsole console, RunForecast plan)
    {
        Tables.Write(
            console, ["stage", "times", "sequences", "steps", "tokens", "trained", "memory", "each takes about"],
            plan.Planned.Select(stage => (IReadOnlyList<string>)
            [
                Name(stage), $"{stage.Count}", Number(stage.Rows), Number(stage.Steps), Number(stage.Tokens),
                Number(stage.Trained),
                Bytes(stage.PeakBytes), stage.Seconds is { } seconds ? Time(seconds) : "not probed",
            ]));
        Rows(console, plan);
        foreach (string sentence in Sentences(plan))
            console.WriteLine(sentence);
    }

    /// <summary>Prints what matters as a run begins: what becomes of the rows, and the sums.</summary>
    public static void WriteBriefly(IAnsiConsole console, RunForecast plan)
    {
        Rows(console, plan);
        console.WriteLine(Sentences(plan).First());
    }

    /// <summary>A size as people read it.</summary>
    public static string Bytes(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        int unit = 0;
        double size = bytes;
        for (; size >= KiB && unit < units.Length - 1; unit++)
            size /= KiB;
        return string.Create(
            CultureInfo.InvariantCulture, $"{(size < 10 && unit > 0 ? $"{size:F1}" : $"{size:F0}")} {units[unit]}");
    }

    private static void Rows(IAnsiConsole console, RunForecast plan)
    {
        var rows = plan.Data.GroupBy(row => row with { Seed = 0 }).ToArray();
        if (rows.Length > 0)
            Tables.Write(
                console, ["data", "file", "found", "left out", "held out", "asked", "drawn", "dropped", "used"],
                rows.Select(group => (IReadOnlyList<string>)
                [
                    group.Key.Stage == group.Key.Role ? group.Key.Stage : $"{group.Key.Stage}, {group.Key.Role}",
                    group.Key.File, Number(group.Key.Found), Number(group.Key.LeftOut), Number(group.Key.HeldOut),
                    Number(group.Key.Asked), Number(group.Key.Drawn),
                    Number(group.Key.Dropped), Number(group.Key.Used),
                ]));
        foreach (var stage in plan.Planned)
        {
            Some(console, stage, "are cut at max_length", stage.Cut, stage.CutRows);
            Some(console, stage, "are dropped, for their prompt fills max_length", stage.Dropped, stage.DroppedRows);
        }
    }

    private static void Some(
        IAnsiConsole console, PlannedStage stage, string what, int count, IReadOnlyList<string> rows)
    {
        if (count > 0)
            console.WriteLine($"{Name(stage)}: {Number(count)} rows {what}: {string.Join(", ", rows)}{(count > rows.Count ? ", ..." : "")}");
    }

    private static IEnumerable<string> Sentences(RunForecast plan)
    {
        string cells = plan.Trials == 1 ? "One run" : $"{Number(plan.Trials)} runs";
        string shared = plan.Shared == 0 ? "" : $" ({Number(plan.Shared)} more are shared)";
        string disk = plan.DiskBytes > 0 ? $", and {Bytes(plan.DiskBytes)} of disk for the models that are kept" : "";
        yield return $"{cells}, {Number(plan.Stages)} stages{shared}. "
            + $"A stage needs at most {Bytes(plan.PeakBytes)} of memory beside the program itself{disk}.";
        if (plan.Seconds is { } seconds)
            yield return $"Everything takes about {Time(seconds)}: an estimate from a few steps and a few answers of each stage.";
        else if (plan.Planned.Any(stage => stage.Seconds is not null))
            yield return "Not every stage was probed, for it would have taken too long; the time of all is not known.";
    }

    private static string Name(PlannedStage stage) =>
        string.Join(
            ", ", new[] { stage.Condition, stage.Stage, stage.Attack == stage.Stage ? null : stage.Attack }.OfType<string>());

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A time as people read it.</summary>
    public static string Time(double seconds) => seconds switch
    {
        < 1 => "under 1 s",
        < 120 => string.Create(CultureInfo.InvariantCulture, $"{seconds:F0} s"),
        < 7200 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:F0} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600:F1} h"),
    };
}
