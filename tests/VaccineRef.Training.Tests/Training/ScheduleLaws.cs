namespace VaccineRef.Training.Tests.Training;

/// <summary>
/// The learning rate's course against closed forms and numbers of Hugging Face's get_*_schedule_with_warmup.
/// </summary>
[Properties(MaxTest = 200)]
public sealed class ScheduleLaws
{
    private const double Rounding = 1e-15;

    /// <summary>LambdaLR asks for step 0 before the first update: that update has rate 0 under a warm-up.</summary>
    [Theory]
    [InlineData(ScheduleKind.Constant, new[] { 0, 0.5, 1, 1, 1, 1 })]
    [InlineData(ScheduleKind.Linear, new[] { 0, 0.5, 1, 0.75, 0.5, 0.25 })]
    [InlineData(ScheduleKind.Cosine, new[] { 0, 0.5, 1, 0.8535533905932737, 0.5, 0.14644660940672627 })]
    public void Six_steps_with_two_of_warm_up(ScheduleKind kind, double[] expected)
    {
        var schedule = new Schedule(kind, 6, 2);
        Assert.All(expected.Index(), step => Assert.Equal(step.Item, schedule.Factor(step.Index + 1), Rounding));
    }

    [Property]
    public void Without_warm_up_it_begins_at_1_and_never_rises(ScheduleKind kind, PositiveInt steps)
    {
        var schedule = new Schedule(kind, steps.Get, 0);
        double[] factors = [.. Enumerable.Range(1, steps.Get).Select(schedule.Factor)];
        Assert.Equal(1, factors[0]);
        Assert.All(factors.Zip(factors.Skip(1)), pair => Assert.True(pair.Second <= pair.First));
        Assert.All(factors, factor => Assert.InRange(factor, 0, 1));
    }

    [Property]
    public void Under_warm_up_it_rises_in_a_straight_line_from_0(ScheduleKind kind, PositiveInt steps, byte percent)
    {
        double ratio = percent % 101 / 100.0;
        int warmup = Schedule.Warmup(ratio, steps.Get);
        Assert.InRange(warmup, ratio * steps.Get, (ratio * steps.Get) + 1);        // rounded up
        var schedule = new Schedule(kind, steps.Get, warmup);
        for (int step = 1; step <= warmup; step++)
            Assert.Equal((step - 1.0) / warmup, schedule.Factor(step), Rounding);
        Assert.Equal(warmup < steps.Get ? 1 : schedule.Factor(warmup + 1), schedule.Factor(warmup + 1));
    }

    [Property]
    public void Linear_and_cosine_end_at_0_and_cosine_passes_a_half_midway(PositiveInt half)
    {
        int steps = 2 * half.Get;
        Assert.Equal(0, new Schedule(ScheduleKind.Linear, steps, 0).Factor(steps + 1), Rounding);
        Assert.Equal(0, new Schedule(ScheduleKind.Cosine, steps, 0).Factor(steps + 1), Rounding);
        Assert.Equal(0.5, new Schedule(ScheduleKind.Cosine, steps, 0).Factor(half.Get + 1), Rounding);
        Assert.Equal(0.5, new Schedule(ScheduleKind.Linear, steps, 0).Factor(half.Get + 1), Rounding);
    }
}
