using System.CommandLine;
using Spectre.Console;
using VaccineRef.Core;
using VaccineRef.Verification.Conform;

namespace VaccineRef.Cli;

/// <summary>Where verdicts go: the terminal, files for a continuous-integration service, and the exit code.</summary>
internal sealed class ConformOutputs
{
    private const int MostFaults = 5;

    private readonly Option<string?> _known =
        new("--known-failures") { Description = "A list of failures that are tolerated.", HelpName = "FILE" };
    private readonly Option<string?> _junit = new("--junit") { Description = "Write JUnit XML.", HelpName = "FILE" };
    private readonly JsonOption _json = new();

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_known, _junit, _json.Option])
            command.Options.Add(option);
    }

    /// <summary>Writes the verdicts.</summary>
    /// <returns>The exit code.</returns>
    public int Write(ParseResult parsed, IReadOnlyList<CaseReport> cases)
    {
        if (parsed.GetValue(_known) is { } known)
            cases = KnownFailures.Read(known).Apply(cases);
        var report = new ConformReport(ConformReport.CurrentSchema, cases);
        if (!_json.Prints(parsed))
            Write(Terminal.Open(), cases);
        _json.Write(parsed, report.ToJson);
        if (parsed.GetValue(_junit) is { } junit)
            report.WriteJUnit(junit);
        GitHub(report);
        return report.ExitCode;
    }

    private static void Write(IAnsiConsole console, IReadOnlyList<CaseReport> cases)
    {
        foreach (var one in cases)
            Write(console, one);
        console.WriteLine($"{cases.Count(ConformReport.IsGood)} of {cases.Count} cases as they should be");
    }

    private static void Write(IAnsiConsole console, CaseReport report)
    {
        string from =
            report.Trace is { } trace ? $" ({Path.GetFileName(Path.TrimEndingDirectorySeparator(trace))})" : "";
        console.WriteLine($"{report.Case}{from}: {ConformReport.Word(report)}");
        console.WriteLine($"  {ConformReport.Sentence(report)}");
        if (report.FirstDivergence is { } first && report.Verdict == Verdict.KnownDeviation)
            console.WriteLine($"  first divergence: {first}");
        foreach (var fault in report.FurtherFaults.Take(MostFaults))
            console.WriteLine($"  also wrong given what the port had before it: {fault}");
        if (report.Consequences > 0)
            console.WriteLine($"  {report.Consequences} further quantities differ and follow from that");
        foreach (string remark in report.Remarks)
            console.WriteLine($"  {remark}");
        if (report.NotChecked.Count > 0)
            console.WriteLine(
                $"  not checked, since the trace does not hold them: {string.Join(", ", report.NotChecked)}");
    }

    private static void GitHub(ConformReport report)
    {
        if (Environment.GetEnvironmentVariable("GITHUB_ACTIONS") != "true")
            return;
        foreach (string annotation in report.Annotations())
            Console.Out.WriteLine(annotation);
        if (Environment.GetEnvironmentVariable("GITHUB_STEP_SUMMARY") is not { Length: > 0 } path)
            return;
        try
        {
            File.AppendAllText(path, report.Markdown());
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new InputException("the summary of the step cannot be written", path, error.Message, inner: error);
        }
    }
}
