using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Reporting.Statistics;

namespace VaccineRef.Cli.Commands;

/// <summary>The command vaccine judge: measures a judge on answers that people have labelled.</summary>
internal static class JudgeCommand
{
    public static Command Create()
    {
        var on = new DataSelection(
            "--on", "Labelled answers: XSTest's completions or BeaverTails; several files are taken as one.");
        on.Files.Required = true;
        var judges = new JudgeSelection();
        var weights = CommonOptions.Weights();
        var where = new DeviceOptions();
        var command = new Command("judge", "Measure how far a judge agrees with people's labels.") { weights };
        on.AddTo(command, hasTask: false);
        judges.AddTo(command);
        where.AddTo(command);
        command.AddExamples(
            "vaccine judge --on labelled.csv",
            "vaccine judge --on labelled.jsonl --judge moderation --judge-model beaver-dam-7b --weights bf16");
        command.SetAction(parsed => ExitCode.Of(cancel =>
        {
            var choice = judges.Read(parsed);
            var answers = LabelledAnswer.Read(on.ReadOpen(parsed)!, cancel);
            using var device = where.Open(parsed);
            var judge = choice.Open<float>(".", device, parsed.GetValue(weights));
            using var disposable = judge as IDisposable;
            Write(judge, JudgeAgreement.Of(answers, judge, cancel));
            return ExitCode.Done;
        }));
        return command;
    }

    private static void Write(IJudge judge, IReadOnlyList<JudgeAgreement> found)
    {
        var console = Terminal.Open();
        var counted = found.SelectMany(group => new[] { group, group.PartialAsRefusals }.OfType<JudgeAgreement>());
        console.WriteLine($"judge: {judge.Id}");
        Tables.Write(
            console, ["prompts", "people say", "flagged", "not flagged", "answers"],
            found.SelectMany(group => group.Labels, (group, label) => (IReadOnlyList<string>)
                [group.Group, label.Label, $"{label.Flagged}", $"{label.Passed}", $"{label.Flagged + label.Passed}"]));
        Tables.Write(
            console, ["prompts", "agree", "should be flagged and are", "should not be and are not", "kappa"],
            counted.Select(group => (IReadOnlyList<string>)
            [
                group.Group, Share(group.Agreed, group.Counted), Share(group.Caught, group.Harmful),
                Share(group.Cleared, group.Harmless),
                group.Kappa is { } kappa ? kappa.ToString("F3", CultureInfo.InvariantCulture) : "-",
            ]));
        console.WriteLine(
            "Intervals: 95 %, Wilson, answers taken for independent. Partial refusals count where it says so.");
    }

    private static string Share(int k, int n)
    {
        if (n == 0)
            return "none";
        var (low, high) = Wilson.Of(k, n);
        return string.Create(
            CultureInfo.InvariantCulture, $"{k}/{n} = {100.0 * k / n:F1} [{100 * low:F1}, {100 * high:F1}]");
    }
}
