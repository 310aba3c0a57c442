using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using VaccineRef.Testing;
using VaccineRef.Verification.Conform;

namespace VaccineRef.Verification.Tests.Conform;

/// <summary>
/// Ports as child processes: those that answer, crash, hang and talk nonsense; and the PyTorch port of the examples.
/// </summary>
public sealed class ConformPortTests(ConformKitFixture kit) : IClassFixture<ConformKitFixture>
{
    private const string Answer = """
        while read -r line; do case "$line" in
          *start*) echo '{}';;
          *llama_mha*) echo "{\"trace\": \"KIT/cases/llama_mha/expected\"}";;
          *'"opt"'*) echo '{"skipped": true, "reason": "no OPT"}';;
          *llama_lora*) exit 7;;
          *gpt2*) sleep 30;;
          *llama_gqa*) echo 'what?';;
          *llama_tied*) echo '{"error": "no such thing"}';;
          *llama_kl*) echo "{\"trace\": \"KIT/cases/llama_mha/expected\"}";;
          *opt_accumulation*) echo '[]';;
          *stop*) exit 0;;
          *) echo '{"trace": "/nowhere"}';;
        esac; done
        """;

    [Fact]
    public void A_crash_ends_one_case_and_not_the_run()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The port of this test is a script of /bin/sh.");
        string script = kit.Fresh();
        File.WriteAllText(script, Answer.Replace("KIT", kit.Kit, StringComparison.Ordinal));
        string[] names = ["llama_lora", "llama_mha", "opt", "gpt2", "llama_gqa", "llama_tied", "llama_kl",
            "opt_accumulation", "llama_random", "llama_mha"];
        var reports = new PortSession($"sh {script}", kit.Kit, TimeSpan.FromSeconds(3), _ => { })
            .Run([.. names.Select(kit.Case)], kit.Fresh(), new ConformanceChecker(kit.Device));
        Verdict[] expected =
        [
            Verdict.Crashed, Verdict.Conforms, Verdict.Skipped, Verdict.Crashed, Verdict.Crashed, Verdict.Crashed,
            Verdict.Crashed,
            Verdict.Crashed, Verdict.Crashed, Verdict.Conforms,
        ];
        Assert.Equal(expected, reports.Select(report => report.Verdict));
        Assert.Contains("exit code 7", reports[0].Reason, StringComparison.Ordinal);
        Assert.Contains("within 3 s", reports[3].Reason, StringComparison.Ordinal);
        Assert.Contains("no JSON", reports[4].Reason, StringComparison.Ordinal);
        Assert.Equal(3, new ConformReport(ConformReport.CurrentSchema, reports).ExitCode);
    }

    [Fact]
    public void A_port_that_is_no_program_is_a_crash()
    {
        var report = Assert.Single(new PortSession("/no/such/program", kit.Kit, TimeSpan.FromSeconds(5), _ => { })
            .Run([kit.Case("opt")], kit.Fresh(), new ConformanceChecker(kit.Device)));
        Assert.Equal(Verdict.Crashed, report.Verdict);
    }

    [Fact]
    public void Known_failures_are_tolerated_and_an_unexpected_pass_is_not()
    {
        string list = kit.Fresh();
        File.WriteAllText(list, "# ours\nopt wrong_sign  # known\nllama_mha\nllama_gqa norm_per_layer\n");
        var wrong = new CaseReport("opt", Verdict.KnownDeviation) { Deviations = [new("wrong_sign", "", 0, null)] };
        var cases = KnownFailures.Read(list).Apply(
            [wrong, new("llama_mha", Verdict.Conforms), wrong with { Case = "llama_gqa" },
                wrong with { Case = "gpt2" }]);
        Assert.Equal([true, false, false, false], cases.Select(ConformReport.IsGood));
        Assert.Equal(Verdict.DoesNotConform, cases[1].Verdict);
        Assert.Equal(0, new ConformReport("", [cases[0]]).ExitCode);
        Assert.Equal(1, new ConformReport("", cases).ExitCode);
    }

    [Fact]
    public void Reports_hold_what_a_service_reads()
    {
        var bad = Enumerable.Range(0, 14)
            .Select(i => new CaseReport($"case{i}", Verdict.DoesNotConform) { Reason = "50% | <b>\nwrong\u0001" });
        var report = new ConformReport(
            ConformReport.CurrentSchema, [new("fine", Verdict.Conforms) { Checked = 3 }, .. bad]);
        Assert.Equal(10, report.Annotations().Count());
        Assert.All(report.Annotations(), line => Assert.DoesNotContain('\n', line));
        Assert.Contains("50%25", report.Annotations().First(), StringComparison.Ordinal);
        Assert.Equal(17, report.Markdown().TrimEnd('\n').Split('\n').Length);
        string junit = kit.Fresh(), json = kit.Fresh();
        report.WriteJUnit(junit);
        File.WriteAllText(json, report.ToJson());
        var suite = XDocument.Load(junit).Root!.Element("testsuite")!;
        Assert.Equal(("15", "14"), (suite.Attribute("tests")!.Value, suite.Attribute("failures")!.Value));
        Assert.Equal("does_not_conform", (string)JsonNode.Parse(File.ReadAllText(json))!["cases"]![3]!["verdict"]!);
    }

    [Fact]
    public void The_PyTorch_port_of_the_examples_conforms()
    {
        string python = RequireTorch();
        string port = Path.Combine(Repository.Root, "examples", "ports", "pytorch", "port.py");
        var reports = Run($"{python} -B {port}", ConformKit.CaseFolders(kit.Kit));
        Assert.All(
            reports, report => Assert.True(
                report.Verdict is Verdict.Conforms or Verdict.Skipped, ConformReport.Sentence(report)));
        Assert.Equal(
            ["llama_accumulation", "llama_adaptive", "llama_gqa", "llama_left_padding", "llama_mha", "llama_sam",
                "llama_tied"],
            reports.Where(report => report.Verdict == Verdict.Conforms).Select(report => report.Case));
    }

    [Fact]
    public void Defects_planted_in_PyTorch_are_named()
    {
        string python = RequireTorch();
        string planted = Path.Combine(Repository.Root, "tests", "VaccineRef.Verification.Tests", "Conform", "planted.py"), output = kit.Fresh();
        using var process = Process.Start(
            new ProcessStartInfo(python, ["-B", planted, kit.Kit, output]) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error);
        string[] traces = Directory.GetDirectories(output);
        Assert.True(traces.Length >= 20, $"{traces.Length} traces");
        Assert.All(traces, trace =>
        {
            var report = kit.Check(trace);
            string defect = Path.GetFileName(trace).Split('-')[^1];
            Assert.True(
                report.Deviations.Any(deviation => deviation.Id == defect),
                $"{Path.GetFileName(trace)}: {ConformReport.Sentence(report)}");
        });
    }

    private IReadOnlyList<CaseReport> Run(string command, IReadOnlyList<string> cases) =>
        new PortSession(command, kit.Kit, TimeSpan.FromSeconds(60), TestContext.Current.SendDiagnosticMessage)
            .Run(cases, kit.Fresh(), new ConformanceChecker(kit.Device));

    /// <summary>A Python that has torch; Debian's python3-torch belongs to /usr/bin/python3.</summary>
    private static string RequireTorch()
    {
        foreach (string python in (string[])["python3", "/usr/bin/python3"])
        {
            try
            {
                using var process = Process.Start(
                    new ProcessStartInfo(python, ["-c", "import torch"]) { RedirectStandardError = true })!;
                process.StandardError.ReadToEnd();
                process.WaitForExit();
                if (process.ExitCode == 0)
                    return python;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                // there is no such program
            }
        }

        Assert.Skip("No Python with torch here; on Debian: apt-get install python3-torch.");
        return "";
    }
}
