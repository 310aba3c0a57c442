using System.Text.Json;
using VaccineRef.Core;
using VaccineRef.Experiments.Grid;
using VaccineRef.Models;

namespace VaccineRef.Reporting;

/// <summary>
/// Writes what a run or a grid found: a page to read, the same as Markdown, and the same for programs. Reads it back.
/// </summary>
public static class ReportWriter
{
    /// <summary>Names of the files.</summary>
    public const string Html = "report.html", Markdown = "report.md", Json = "report.json", Figure = "figure.svg";

    private const string Again = "run it again with this version",
        Wanted = $"a report of the form {ExperimentReport.CurrentSchema}";

    /// <summary>
    /// Writes report.html, report.md, report.json and the first picture as figure.svg, each whole or not at all. All
    /// numbers come from the report.
    /// </summary>
    /// <param name="report">What was found.</param>
    /// <param name="folder">Where to; made when needed, older reports in it are replaced.</param>
    /// <returns>What is concluded.</returns>
    /// <exception cref="InputException">The disk is full or a file cannot be written.</exception>
    public static Findings Write(ExperimentReport report, string folder)
    {
        var findings = Analysis.Of(report);
        var document = ReportDocument.Of(findings);
        AtomicFile.WriteText(Path.Combine(folder, Json), findings.ToJson());
        AtomicFile.WriteText(Path.Combine(folder, Markdown), MarkdownPage.Of(document));
        AtomicFile.WriteText(Path.Combine(folder, Html), HtmlPage.Of(document));
        if (FigureFile.Of(document) is { } figure)
            AtomicFile.WriteText(Path.Combine(folder, Figure), figure);
        return findings;
    }

    /// <summary>Reads the report of a run or a grid.</summary>
    /// <param name="folder">The folder that <see cref="Write"/> wrote.</param>
    /// <exception cref="InputException">
    /// There is none, it is broken, or another version of the program wrote it.
    /// </exception>
    public static ExperimentReport Read(string folder)
    {
        string path = Path.Combine(folder, Json);
        try
        {
            var json = JsonElement.Parse(File.ReadAllText(path));
            Require(json, path);
            return CompleteJson.Read(json, FindingsJson.Default.Findings).Report;
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InputException(
                "there is no report", path, "no such file", "the folder of a finished run or grid",
                "run the recipe first, or name its folder", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new InputException("a report cannot be read", path, error.Message, Wanted, inner: error);
        }
        catch (Exception error) when (error is JsonException or ArgumentException or InvalidOperationException
            || error is InputException { Where: var where } && where != path)
        {
            string found = error is InputException input ? $"{input.What}: {input.Where}" : error.Message;
            throw new InputException("a report is broken", path, found, Wanted, Again, error);
        }
    }

    private static void Require(JsonElement json, string path)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw new JsonException("it is no JSON object");
        string? schema = json.TryGetProperty("schema", out var named) && named.ValueKind == JsonValueKind.String
            ? named.GetString()
            : null;
        if (schema == ExperimentReport.CurrentSchema)
            return;
        string found = schema is not null ? $"a report of the form {schema}"
            : json.TryGetProperty("measurements", out _) ? "the report of a run, written by an earlier version"
            : json.TryGetProperty("verdict", out _) ? "the report of a lab's grid, written by an earlier version"
            : "a JSON file that names no form";
        throw new InputException("a report was not written by this version", path, found, Wanted, Again);
    }
}
