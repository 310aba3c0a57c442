using System.Text.RegularExpressions;
using VaccineRef.Core;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;

namespace VaccineRef.Reporting.Tests;

public sealed class ReadingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vaccineref").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("models")]
    [InlineData("cost")]
    [InlineData("run")]
    public void What_is_written_is_read_back(string shape)
    {
        var report = MadeUpReport.FromFiles(
            Odd(MadeUpReport.Of(shape == "run" ? MadeUpRecipes.Run : MadeUpRecipes.All[shape], 2)));
        var findings = ReportWriter.Write(report, _folder);
        Assert.Equal(findings.ToJson(), Analysis.Of(ReportWriter.Read(_folder)).ToJson());
    }

    [Theory]
    [InlineData("""{"name": "a", "method": "SFT", "measurements": []}""", "the report of a run, written by an earlier version")]
    [InlineData("""{"verdict": [], "report": {}}""", "the report of a lab's grid, written by an earlier version")]
    [InlineData("""{"schema": "vaccine-report/2"}""", "vaccine-report/2")]
    [InlineData("""{"schema": 1, "report": {}}""", "a JSON file that names no form")]
    [InlineData("{}", "a JSON file that names no form")]
    public void A_report_of_another_version_is_refused_by_name(string json, string found)
    {
        File.WriteAllText(Path.Combine(_folder, ReportWriter.Json), json);
        var error = Assert.Throws<InputException>(() => ReportWriter.Read(_folder));
        Assert.Equal("a report was not written by this version", error.What);
        Assert.Contains(found, error.Message, StringComparison.Ordinal);
        Assert.Contains("run it again with this version", error.Message, StringComparison.Ordinal);
        Assert.Contains(_folder, error.Where, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_there_is_no_report_the_error_says_so()
    {
        Assert.Equal("there is no report", Assert.Throws<InputException>(() => ReportWriter.Read(_folder)).What);
        Assert.Equal(
            "there is no report",
            Assert.Throws<InputException>(() => ReportWriter.Read(Path.Combine(_folder, "none"))).What);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"schema\": \"vaccine-report/1\"}")]
    [InlineData("{\"schema\": \"vaccine-report/1\", \"report\": 3}")]
    public void A_broken_report_is_refused(string json)
    {
        File.WriteAllText(Path.Combine(_folder, ReportWriter.Json), json);
        Assert.Equal("a report is broken", Assert.Throws<InputException>(() => ReportWriter.Read(_folder)).What);
    }

    // wherever the file is cut off or a number is made impossible, it is either the same report or an error of the
    // user's
    [Property(MaxTest = 40)]
    public void Damage_is_an_error_and_no_crash(ushort place, byte kind)
    {
        string path = Path.Combine(_folder, ReportWriter.Json);
        ReportWriter.Write(MadeUpReport.Of(MadeUpRecipes.Run, 1), _folder);
        string text = File.ReadAllText(path);
        int at = place % text.Length;
        File.WriteAllText(path, (kind % 4) switch
        {
            0 => text[..at],
            1 => text.Remove(at, 1),
            2 => text.Insert(at, "7"),
            _ => Regex.Replace(text, "\"numerator\": \\d+", $"\"numerator\": {-1 - kind}"),
        });
        try
        {
            ReportWriter.Read(_folder);
        }
        catch (InputException error)
        {
            Assert.Equal(path, error.Where);
        }
    }

    /// <summary>A report with numbers that plain JSON does not have.</summary>
    private static ExperimentReport Odd(ExperimentReport report)
    {
        StageResult Diverged(StageResult stage) =>
            stage.Measured is { } measured
                ? stage with
                {
                    Measured = measured with { TaskLoss = double.NaN, HarmfulLoss = double.PositiveInfinity }
                }
                : stage;
        return report with { Stages = report.Stages.ToDictionary(stage => stage.Key, stage => Diverged(stage.Value)) };
    }
}
