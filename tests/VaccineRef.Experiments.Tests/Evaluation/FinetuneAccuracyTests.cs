using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Tests.Data;

namespace VaccineRef.Experiments.Tests.Evaluation;

public sealed class FinetuneAccuracyTests
{
    [Theory]
    [InlineData("sst2", "positive", "positive", true, true)]
    [InlineData("sst2", "positive", "Positive", true, true)]
    [InlineData("sst2", "positive", "POSITIVE", false, false)]
    [InlineData("sst2", "positive", "positive.", true, false)]
    [InlineData("sst2", "positive", "not positive", true, false)]
    [InlineData("sst2", "negative", "positive or negative", true, false)]
    [InlineData("sst2", "negative", "positive", false, false)]
    [InlineData("ag_news", "World", "world", true, true)]
    [InlineData("ag_news", "Sci/Tech", "Sci/Tech", true, true)]
    [InlineData("ag_news", "Sci/Tech", "sci", true, true)]
    [InlineData("ag_news", "Sci/Tech", "science", true, false)]
    [InlineData("ag_news", "Sci/Tech", "Technology", false, false)]
    [InlineData("ag_news", "Business", "Sports", false, false)]
    public void Labels_under_both_rules(string task, string expected, string answer, bool substring, bool exact)
    {
        Assert.Equal(substring, FinetuneAccuracy.IsCorrect(task, AccuracyRule.Substring, expected, answer));
        Assert.Equal(exact, FinetuneAccuracy.IsCorrect(task, AccuracyRule.Exact, expected, answer));
    }

    [Property]
    public void A_number_equals_itself_however_it_is_written(int number)
    {
        string plain = FormattableString.Invariant($"The final answer is:  {number}");
        string grouped = FormattableString.Invariant($"so it is {number:N2}");
        Assert.True(FinetuneAccuracy.IsCorrect("gsm8k", AccuracyRule.Exact, plain, grouped));
        Assert.False(FinetuneAccuracy.IsCorrect("gsm8k", AccuracyRule.Exact, plain, $"{(long)number + 1}"));
    }

    [Fact]
    public void A_score_names_task_and_rule()
    {
        Answered[] answers =
        [
            new(Rows.One("q", "good", "positive"), "positive."), new(Rows.One("q", "bad", "negative"), "negative"),
        ];
        var lenient = FinetuneAccuracy.Of("sst2", AccuracyRule.Substring, answers, "alpaca-vaccine", "greedy");
        var strict = FinetuneAccuracy.Of("sst2", AccuracyRule.Exact, answers, "alpaca-vaccine", "greedy");
        Assert.Equal((2, 2, "substring"), (lenient.Numerator, lenient.Denominator, lenient.Judge));
        Assert.Equal((1, 2, "exact"), (strict.Numerator, strict.Denominator, strict.Judge));
    }

    [Fact]
    public void An_unknown_task_or_label_is_an_error()
    {
        Assert.Throws<InputException>(() => FinetuneAccuracy.IsCorrect("mnli", AccuracyRule.Exact, "x", "x"));
        Assert.Throws<InputException>(() => FinetuneAccuracy.IsCorrect("sst2", AccuracyRule.Exact, "neutral", "x"));
    }

    [Theory]
    [InlineData("gsm8k/test.jsonl", "gsm8k", 1319)]
    [InlineData("sst2/alps_test.tsv", "sst2", 872)]
    [InlineData("ag_news/test.csv", "ag_news", 7600)]
    public void The_right_answers_are_right(string path, string task, int rows)
    {
        var examples = DataSet.Read(SharedData.Path(path), TaskPreset.Get(task)).Examples;
        Answered[] answers = [.. examples.Select(example => new Answered(example, example.Output))];
        foreach (var rule in Enum.GetValues<AccuracyRule>())
            Assert.Equal((rows, rows), Counts(FinetuneAccuracy.Of(task, rule, answers, "t", "g")));
    }

    private static (int K, int N) Counts(Score score) => (score.Numerator, score.Denominator);
}
