using VaccineRef.Verification.Conform;

namespace VaccineRef.Verification.Tests.Conform;

/// <summary>What a list of known failures makes of every verdict, of a case that it names and of another.</summary>
public sealed class KnownFailureLaws
{
    public static TheoryData<Verdict, string> Cases =>
        [.. from verdict in Enum.GetValues<Verdict>() from line in (string[])["", "other", "mine", "mine D2",
            "mine D1"] select (verdict, line)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_case_that_is_listed_has_to_fail_and_one_that_is_not_stays_as_it_is(Verdict verdict, string line)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, line + " # a remark\n");
            var report =
                new CaseReport("mine", verdict) { Deviations = [new("D1", "a defect that the trace equals", 0, null)] };
            var found = Assert.Single(KnownFailures.Read(path).Apply([report]));
            bool named = line.StartsWith("mine", StringComparison.Ordinal) && verdict != Verdict.Skipped;
            Assert.Equal(named && verdict == Verdict.Conforms ? Verdict.DoesNotConform : verdict, found.Verdict);
            Assert.Equal(named && verdict != Verdict.Conforms && line != "mine D2", found.Tolerated);
            Assert.True(named || ReferenceEquals(report, found));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
