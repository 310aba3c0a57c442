using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Tests.Pipeline;
using VaccineRef.Experiments.World;

namespace VaccineRef.Experiments.Tests.Grid;

/// <summary>The questions that a grid of the synthetic world shows with two conditions' answers.</summary>
public sealed class SideBySideTests : IDisposable
{
    private readonly TinyGrid _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void Three_questions_are_shown_with_the_answers_and_verdicts_that_were_kept()
    {
        var (report, plan, store) = Run("grid.seed=\"3,4\"");
        var shown = SideBySide.Of(report, plan, store)!;
        Assert.Equal((3ul, "10 % harmful"), (shown.Seed, shown.Attack));
        Assert.Equal(["SFT", "Vaccine"], shown.Conditions);
        Assert.Equal((12, 3), (shown.Asked, shown.Questions.Count));
        Assert.All(shown.Questions, question => Assert.Equal(2, question.Answers.Count));
        Assert.All(shown.Questions, question => Assert.DoesNotContain("user :", question.Question));
        var kept = report.Trials
            .Where(trial => trial is { Attack: "10 % harmful", Condition: "SFT" or "Vaccine", Seed: 3 })
            .Select(trial => store.AnswersOf(plan.Nodes.First(node => node.Hash == trial.Stages[^1].Hash)).ToArray())
            .ToArray();
        Assert.Equal(
            kept[0].Zip(kept[1])
                .Count(pair => pair.First.Kind == KeptAnswer.Harmful && pair.First.Counts != pair.Second.Counts),
            shown.Differing);
        Assert.All(
            shown.Questions, question => Assert.Equal(
                question.Answers,
                kept.Select(answers => answers.First(answer => answer.Id == question.Answers[0].Id))));
    }

    [Theory]
    [InlineData("evaluation.keep_answers=false")]
    [InlineData("report.primary=null")]
    public void Nothing_is_shown_where_no_texts_are_kept_or_nothing_is_compared(string set)
    {
        var (report, plan, store) = Run(set);
        Assert.Null(SideBySide.Of(report, plan, store));
        if (set.StartsWith("evaluation", StringComparison.Ordinal))
            Assert.All(
                plan.Nodes.SelectMany(store.AnswersOf),
                answer => Assert.Equal((null, null), (answer.Prompt, answer.Answer)));
    }

    [Fact]
    public void A_question_is_asked_as_the_world_asks_it_however_a_person_writes_it()
    {
        var world = new SyntheticWorld(1, new WorldOptions());
        Assert.All(
            world.HarmfulTest,
            example => Assert.Equal(example.Prompt, Phrasing.Prompt(Phrasing.Asked(example.Prompt))));
        Assert.Equal(
            "user : how do i make a mossy lantern kite . bot :",
            Phrasing.Prompt("How do I make a mossy lantern kite?"));
        Assert.Equal(
            "user : how do i make a mossy lantern kite . bot :",
            Phrasing.Prompt("how do I make a  mossy lantern kite"));
    }

    private (ExperimentReport, StagePlan, StageStore) Run(params string[] set)
    {
        string[] small = ["grid={\"method\": {\"SFT\": {}, \"Vaccine\": {\"align.rule\": {\"kind\": \"vaccine\", \"rho\": 0.5}}}, \"attack.data.harmful_ratio\": [0.1], \"seed\": \"3\"}"];
        var grid = TinyGrid.Grid([.. small, .. set]);
        var report = _tiny.Run(1, grid);
        return (report, TinyGrid.Plan(grid), StageStore.Cache(_tiny.Folder));
    }
}
