using System.Xml.Linq;
using VaccineRef.Verification.Conform;

namespace VaccineRef.Verification.Tests.Conform;

/// <summary>What the forms of a report say of every pair of cases, each with any verdict, tolerated or not.</summary>
public sealed class ConformReportLaws : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public static TheoryData<Verdict> Verdicts => [.. Enum.GetValues<Verdict>()];

    private static IEnumerable<CaseReport> Kinds =>
        from verdict in Enum.GetValues<Verdict>()
        from tolerated in (bool[])[false, true]
        select new CaseReport($"{verdict}", verdict) { Tolerated = tolerated, Reason = "a reason" };

    public void Dispose() => File.Delete(_path);

    /// <summary>
    /// The numbers at the head of JUnit's XML count what stands below, and the exit code agrees with them.
    /// </summary>
    [Theory]
    [MemberData(nameof(Verdicts))]
    public void JUnit_counts_what_it_lists_and_the_exit_code_agrees(Verdict verdict)
    {
        foreach (var first in Kinds.Where(report => report.Verdict == verdict))
            foreach (var second in (CaseReport?[])[null, .. Kinds])
            {
                CaseReport[] cases = second is null ? [first] : [first, second];
                var report = new ConformReport(ConformReport.CurrentSchema, cases);
                report.WriteJUnit(_path);
                var suite = XDocument.Load(_path).Root!.Element("testsuite")!;
                int Listed(string outcome) => suite.Elements("testcase").Elements(outcome).Count();
                int Said(string count) => (int)suite.Attribute(count)!;
                (int skipped, int failed, int crashed) = (Listed("skipped"), Listed("failure"), Listed("error"));
                Assert.Equal(
                    (cases.Length, failed, crashed, skipped),
                    (Said("tests"), Said("failures"), Said("errors"), Said("skipped")));
                Assert.Equal(cases.Count(each => each.Verdict == Verdict.Skipped), skipped);
                Assert.Equal(cases.Count(each => each is { Verdict: Verdict.Crashed, Tolerated: false }), crashed);
                Assert.Equal(
                    cases.Count(each => each is { Verdict: Verdict.KnownDeviation or Verdict.DoesNotConform, Tolerated: false }), failed);
                Assert.All(suite.Elements("testcase"), test => Assert.InRange(test.Elements().Count(), 0, 1));
                Assert.Equal(crashed > 0 ? 3 : failed > 0 || skipped == cases.Length ? 1 : 0, report.ExitCode);
                Assert.Equal(failed + crashed, report.Annotations().Count());
            }
    }
}
