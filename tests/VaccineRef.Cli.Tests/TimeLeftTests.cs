namespace VaccineRef.Cli.Tests;

/// <summary>The time that is left.</summary>
public sealed class TimeLeftTests
{
    [Property(MaxTest = 50)]
    public Property Steady_work_is_estimated_exactly_and_only_after_its_beginning() => Prop.ForAll(
        Gen.Choose(10, 10_000).ToArbitrary(), seconds =>
        {
            var whole = TimeSpan.FromSeconds(seconds);
            var left = new TimeLeft();
            TimeSpan?[] found = [.. Enumerable.Range(0, 101).Select(i => left.At(i / 100.0, whole * (i / 100.0)))];
            Assert.Null(found[0]);
            Assert.Null(found[1]);
            Assert.Null(found[100]);
            for (int i = 20; i < 100; i++)
                Assert.Equal((whole * (1 - (i / 100.0))).TotalSeconds, found[i]!.Value.TotalSeconds, 1e-6 * seconds);
        });

    [Fact]
    public void An_estimate_that_still_moves_is_not_shown()
    {
        var left = new TimeLeft();
        // the second tenth takes four times as long as the first: the whole was estimated at 100 s and is now at 250 s
        Assert.Null(left.At(0.1, TimeSpan.FromSeconds(10)));
        Assert.Null(left.At(0.2, TimeSpan.FromSeconds(50)));
        Assert.Null(left.At(0.35, TimeSpan.FromSeconds(175)));
        Assert.Equal(TimeSpan.FromSeconds(100), left.At(0.8, TimeSpan.FromSeconds(400)));
    }
}
