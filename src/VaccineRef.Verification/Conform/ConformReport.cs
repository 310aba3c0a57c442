using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using VaccineRef.Models;

namespace VaccineRef.Verification.Conform;

/// <summary>The verdicts of a run in the forms that a continuous-integration service reads.</summary>
/// <param name="Schema">"vaccine-conform-report/1".</param>
/// <param name="Cases">The cases.</param>
public sealed record ConformReport(string Schema, IReadOnlyList<CaseReport> Cases)
{
    /// <summary>What the schema key of a report says.</summary>
    public const string CurrentSchema = "vaccine-conform-report/1";

    private const int MostAnnotations = 10;

    /// <summary>0 where every case conforms or is tolerated, 3 where the port crashed, else 1.</summary>
    public int ExitCode => Cases.Any(report => report is { Verdict: Verdict.Crashed, Tolerated: false }) ? 3
        : Cases.All(IsGood) && Cases.Any(report => report.Verdict != Verdict.Skipped) ? 0
        : 1;

    /// <summary>Whether a case is as it should be.</summary>
    public static bool IsGood(CaseReport report) =>
        report.Tolerated || report.Verdict is Verdict.Conforms or Verdict.Skipped;

    /// <summary>The verdict as one sentence.</summary>
    public static string Sentence(CaseReport report) => report.Verdict switch
    {
        Verdict.Conforms => string.Create(
            CultureInfo.InvariantCulture, $"conforms in all {report.Checked} quantities that were recorded"),
        Verdict.Skipped => $"skipped by the port: {report.Reason}",
        Verdict.Crashed => $"the port failed: {report.Reason}",
        Verdict.KnownDeviation => $"your trace equals {string.Join(", or ", report.Deviations)}"
            + (report.ToldApartBy is { } other ? $"; the case {other} tells them apart" : report.Deviations.Count > 1 ? "; no case of the kit tells them apart" : ""),
        _ => report.Reason
            ?? $"does not conform, and no known defect explains it; it first goes wrong at {report.FirstDivergence}",
    };

    /// <summary>Writes JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ConformJson.Default.ConformReport);

    /// <summary>Writes JUnit's XML: a test for each case.</summary>
    public void WriteJUnit(string path)
    {
        int Count(Func<CaseReport, bool> which) => Cases.Count(which);
        var suite = new XElement(
            "testsuite", new XAttribute("name", "vaccine conform"), new XAttribute("tests", Cases.Count),
            new XAttribute("failures", Count(report => !IsGood(report) && report.Verdict != Verdict.Crashed)),
            new XAttribute("errors", Count(report => !IsGood(report) && report.Verdict == Verdict.Crashed)),
            new XAttribute("skipped", Count(report => report.Verdict == Verdict.Skipped)),
            Cases.Select(report => new XElement(
                "testcase", new XAttribute("classname", Xml(report.Implementation ?? "port")),
                new XAttribute("name", Xml(report.Case)),
                Outcome(report))));
        AtomicFile.Write(path, stream => new XDocument(new XElement("testsuites", suite)).Save(stream));
    }

    /// <summary>The summary of a GitHub step, in Markdown.</summary>
    public string Markdown()
    {
        var text = new StringBuilder("| case | verdict | |\n| --- | --- | --- |\n");
        foreach (var report in Cases)
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {Cell(report.Case)} | {Cell(Word(report))} | {Cell(Sentence(report))} |\n");
        return text.ToString();
    }

    /// <summary>At most ten annotations.</summary>
    public IEnumerable<string> Annotations() => Cases.Where(report => !IsGood(report))
        .Take(MostAnnotations).Select(report =>
        $"::error title=vaccine conform {Escape(report.Case)}::{Escape(Sentence(report))}");

    /// <summary>The verdict as one or two words.</summary>
    public static string Word(CaseReport report)
    {
        string word = report.Verdict switch
        {
            Verdict.Conforms => "conforms",
            Verdict.KnownDeviation => "known deviation",
            Verdict.Skipped => "skipped",
            Verdict.Crashed => "crashed",
            _ => "does not conform",
        };
        return report.Tolerated ? $"{word} (tolerated)" : word;
    }

    private static XElement? Outcome(CaseReport report) =>
        report.Verdict == Verdict.Skipped ? new("skipped", new XAttribute("message", Xml(Sentence(report))))
        : IsGood(report) ? null
        : new(report.Verdict == Verdict.Crashed ? "error" : "failure", new XAttribute("message", Xml(Sentence(report))),
            Xml(string.Join('\n', report.Quantities.Where(quantity => !quantity.Passed).Take(50))));

    private static string Xml(string text) => new([.. text.Select(c => System.Xml.XmlConvert.IsXmlChar(c) ? c : '?')]);

    private static string Cell(string text) =>
        text.Replace('\n', ' ').Replace("|", "\\|", StringComparison.Ordinal).Replace(
            "<", "&lt;", StringComparison.Ordinal);

    private static string Escape(string text) => text.Replace("%", "%25", StringComparison.Ordinal)
        .Replace("\r", "%0D", StringComparison.Ordinal).Replace("\n", "%0A", StringComparison.Ordinal);
}
