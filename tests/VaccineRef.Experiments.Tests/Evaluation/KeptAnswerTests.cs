using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Experiments.Tests.Evaluation;

public sealed class KeptAnswerTests
{
    [Theory]
    [InlineData("", "Translate.")]
    [InlineData("Brot", "Translate.\nBrot")]
    public void What_is_kept_is_all_that_was_asked(string input, string prompt)
    {
        var kept = KeptAnswer.Of(
            new(new Example("a:1", "Translate.", input, "Bread", null, null, "alpaca"), "bread"), KeptAnswer.Task,
            "right", counts: true);
        Assert.Equal((prompt, "bread"), (kept.Prompt, kept.Answer));
        Assert.Equal((null, null), (kept.WithoutTexts().Prompt, kept.WithoutTexts().Answer));
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(1.0)]
    [InlineData(-0.5)]
    [InlineData(double.NaN)]
    public void A_judge_refuses_a_threshold_that_is_no_probability(double threshold) =>
        Assert.Equal(
            "judge.threshold",
            Assert.Throws<RecipeException>(() => new ModerationJudgeOptions("dam", threshold).Validate("judge")).Where);

    [Fact]
    public void A_judge_takes_a_threshold_between_0_and_1()
    {
        new ModerationJudgeOptions("dam").Validate("judge");
        new ModerationJudgeOptions("dam", 0.4).Validate("judge");
    }
}
