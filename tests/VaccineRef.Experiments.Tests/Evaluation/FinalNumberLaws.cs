using System.Globalization;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Tests.Data;

namespace VaccineRef.Experiments.Tests.Evaluation;

/// <summary>What the final number of a solution is, and that no answer equals a reference without one.</summary>
public sealed class FinalNumberLaws
{
    [Theory]
    [InlineData("The final answer is:  18", 18.0)]
    [InlineData("6 * 3 = 18\nThe final answer is: 18.", 18.0)]
    [InlineData("The final answer is: 1,234.50 dollars, not 7", 1234.5)]
    [InlineData("The final answer is: -3\nThe final answer is: 4", -3.0)]
    [InlineData("First 5 then 7", 7.0)]
    [InlineData("3 eggs. The final answer is: unknown", 3.0)]
    [InlineData("The final answer is 12, or 13", 13.0)]             // the colon is missing: the last number
    [InlineData("none", null)]
    [InlineData("The final answer is: ", null)]
    [InlineData("5-3", 3.0)]                                        // a minus between two numbers subtracts
    [InlineData("so x = -3", -3.0)]
    [InlineData("x = - 3", -3.0)]
    [InlineData("#### 18\nand 20 more", 18.0)]
    [InlineData("it is .5", 0.5)]
    [InlineData("it is 3/4.", 0.75)]
    [InlineData("it is 3 / 4", 0.75)]
    [InlineData("it is 1 1/2 cups", 1.5)]
    [InlineData("it is \u22127", -7.0)]                             // Unicode's minus
    [InlineData("it is $1,234.50.", 1234.5)]
    [InlineData("it is -$5", -5.0)]
    [InlineData("it is $-5", -5.0)]
    [InlineData("it is 50%", 50.0)]
    [InlineData("it is 50\\%", 50.0)]
    [InlineData("it is 1e3", 1000.0)]
    [InlineData("\\boxed{42} by 7", 42.0)]
    [InlineData("\\boxed{1} or rather $\\boxed{-\\frac{3}{4}}$ of 8", -0.75)]
    [InlineData("\\boxed{1\\dfrac{1}{2}}", 1.5)]
    [InlineData("\\boxed{1{,}234}", 1234.0)]
    [InlineData("\\boxed{\\text{none}} of 8", 8.0)]
    [InlineData("The final answer is: $\\boxed{12}$", 12.0)]
    [InlineData("on 3/14/2024", 2024.0)]                            // a date is no fraction
    [InlineData("1/0", null)]
    [InlineData("1e999", null)]
    public void The_number_a_solution_ends_in(string solution, double? number) =>
        Assert.Equal(number, FinalNumber.Of(solution));

    [Theory]
    [InlineData("The final answer is:  18", 18.0)]
    [InlineData("The final answer is: 1,234.50 dollars, not 7", 1234.5)]
    [InlineData("First 5 then 7", 7.0)]
    [InlineData("3 eggs. The final answer is: unknown", 3.0)]
    [InlineData("5-3", -3.0)]
    [InlineData("it is 3/4", 4.0)]
    [InlineData("it is .5", 5.0)]
    [InlineData("none", null)]
    public void The_number_by_the_released_rule(string solution, double? number) =>
        Assert.Equal(number, FinalNumber.AsReleased(solution));

    [Theory]
    [InlineData("none")]
    [InlineData("all")]
    [InlineData("")]
    [InlineData("3 or 4")]
    [InlineData("1/0")]
    [InlineData("1,5")]
    [InlineData("infinity")]
    public void A_reference_that_cannot_be_read_is_refused_whatever_the_answer(string gold)
    {
        using var file = new TempFile(
            "g.jsonl",
            $$"""{"question":"q","answer":"5 + 5 = 10\n#### 10"}{{"\n"}}{"question":"q","answer":"5 + 5 = 10\n#### {{gold}}"}""");
        var error = Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.Gsm8k));
        Assert.Equal(("g.jsonl", 2, "answer"), (error.File, error.Row, error.Field));
        foreach (var rule in Enum.GetValues<AccuracyRule>())
            Assert.Throws<InputException>(
                () => FinetuneAccuracy.IsCorrect("gsm8k", rule, $"5 + 5 = 10\nThe final answer is:  {gold}", gold));
    }

    /// <summary>Every spelling of a number is right for every other, and wrong for the next number.</summary>
    [Property]
    public void A_value_has_one_meaning_however_it_is_written(int whole, byte hundredths)
    {
        decimal value = whole + ((whole < 0 ? -1 : 1) * (hundredths % 100) / 100m);
        string plain = value.ToString(CultureInfo.InvariantCulture),
            digits = Math.Abs(value).ToString("0.00", CultureInfo.InvariantCulture);
        string sign = value < 0 ? "-" : "";
        string[] spellings =
        [
            plain, $"{plain}.", $"{plain}%", $"{sign}${digits}", $"${plain}", plain.Replace('-', '\u2212'),
            value.ToString("N2", CultureInfo.InvariantCulture),
            $"\\boxed{{{plain}}}", $"**{plain}**", $"({plain})", $"{sign}{Math.Abs(value) * 100m:0}/100",
            $"{sign}\\frac{{{Math.Abs(value) * 100m:0}}}{{100}}",
        ];
        Assert.All(spellings, gold => Assert.All(spellings, answer => Assert.True(
            FinetuneAccuracy.IsCorrect("gsm8k", AccuracyRule.Exact, $"The final answer is:  {gold}", $"so it is {answer}"), $"{gold}: {answer}")));
        string next = (value + 1).ToString(CultureInfo.InvariantCulture);
        Assert.False(FinetuneAccuracy.IsCorrect("gsm8k", AccuracyRule.Exact, $"The final answer is: {plain}", next));
    }

    [Fact]
    public void Both_rules_have_their_own_names()
    {
        Answered[] answers = [new(Rows.One("q", output: "The final answer is:  3"), "8-5 = 3, or 5-3")];
        var scores = Enum.GetValues<AccuracyRule>()
            .Select(rule => FinetuneAccuracy.Of("gsm8k", rule, answers, "t", "g")).ToArray();
        var measured = new Measurement(scores);
        Assert.Equal(("final-number", 1), (measured.Accuracy!.Judge, measured.Accuracy.Numerator));
        Assert.Equal(
            ("final-number, as released", 0), (measured.LenientAccuracy!.Judge, measured.LenientAccuracy.Numerator));
    }

    /// <summary>On the published references both rules find the same number.</summary>
    [Theory]
    [InlineData("gsm8k/test.jsonl", 1319)]
    [InlineData("gsm8k/train.jsonl", 7473)]
    public void Published_references_have_one_number_by_both_rules(string path, int rows)
    {
        var examples = DataSet.Read(SharedData.Path(path), TaskPreset.Gsm8k).Examples;
        Assert.Equal(rows, examples.Length);
        Assert.All(examples, row => Assert.Equal(FinalNumber.AsReleased(row.Output), FinalNumber.OfGold(row.Output)));
        Assert.All(examples, row => Assert.Equal(FinalNumber.Of(row.Output), FinalNumber.OfGold(row.Output)));
    }
}
