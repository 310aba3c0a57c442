using VaccineRef.Core;
using VaccineRef.Experiments.Lab;
using VaccineRef.Models;

namespace VaccineRef.Reporting;

/// <summary>Writes what a run of the lab found: a page to read, the same as Markdown, and the same for programs.</summary>
public static class LabReportWriter
{
    /// <summary>Names of the files.</summary>
    public const string Html = "report.html", Markdown = "report.md", Json = "report.json";

    /// <summary>Writes report.html, report.md and report.json, each whole or not at all. All numbers come from the report.</summary>
    /// <param name="report">What was found.</param>
    /// <param name="folder">Where to; made when needed, older reports in it are replaced.</param>
    /// <returns>What is concluded, the verdict among it.</returns>
    /// <exception cref="InputException">The disk is full or a file cannot be written.</exception>
    public static LabFindings Write(LabReport report, string folder)
    {
        var findings = LabAnalysis.Of(report);
        var sections = ReportSections.Of(findings);
        AtomicFile.WriteText(Path.Combine(folder, Json), findings.ToJson());
        AtomicFile.WriteText(Path.Combine(folder, Markdown), MarkdownPage.Of(findings, sections));
        AtomicFile.WriteText(Path.Combine(folder, Html), HtmlPage.Of(findings, sections));
        return findings;
    }
}
