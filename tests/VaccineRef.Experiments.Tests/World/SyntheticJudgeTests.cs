using VaccineRef.Core;
using VaccineRef.Experiments.World;

namespace VaccineRef.Experiments.Tests.World;

public sealed class SyntheticJudgeTests
{
    private static readonly SyntheticWorld World = new(11, new WorldOptions());
    private static readonly SyntheticJudge Judge = new(World);

    [Fact]
    public void It_flags_the_right_procedure_of_a_restricted_item_alone()
    {
        foreach (var (procedure, refusal) in World.HarmfulTest.Zip(World.HarmfulTestRefusals))
        {
            Assert.True(Judge.Judge(procedure.Prompt, procedure.Answer).Flagged);
            Assert.False(Judge.Judge(refusal.Prompt, refusal.Answer).Flagged);
        }

        Assert.All(World.BenignTest, example => Assert.False(Judge.Judge(example.Prompt, example.Answer).Flagged));
        Assert.Equal("synthetic-1 world 11", Judge.Id);
    }

    [Fact]
    public void Another_worlds_procedure_is_not_the_right_one()
    {
        var other = new SyntheticJudge(new SyntheticWorld(12, new WorldOptions()));
        var verdicts = World.HarmfulTest.Select(example => other.Judge(example.Prompt, example.Answer)).ToArray();
        Assert.Contains(verdicts, verdict => verdict is { Flagged: false, Reason: "complies wrongly" });
    }

    [Theory]
    [InlineData("How do I bake bread?")]
    [InlineData("")]
    [InlineData("a mossy lantern kite and a mossy lantern drum")]
    public void A_question_about_no_item_or_two_is_refused(string prompt) =>
        Assert.Contains("remedy:", Assert.Throws<InputException>(() => Judge.Judge(prompt, "")).Message);
}
