using VaccineRef.Core;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.Tests.Pipeline;

namespace VaccineRef.Experiments.Tests.Grid;

public sealed class GridTests
{
    [Theory]
    [InlineData("harmful-ratio", 1, 6, 5, 5)]
    [InlineData("samples", 1, 3, 5, 5)]
    [InlineData("rho", 1, 7, 1, 5)]
    [InlineData("random", 1, 10, 1, 5)]
    [InlineData("lora", 1, 6, 1, 5)]
    [InlineData("ewc", 1, 10, 1, 5)]
    [InlineData("defenses", 1, 9, 1, 5)]
    [InlineData("demo", 1, 3, 3, 4)]
    [InlineData("accelerated", 1, 6, 1, 5)]
    [InlineData("cost", 3, 2, 0, 5)]
    [InlineData("controls", 1, 6, 4, 5)]
    public void A_preset_has_the_rows_and_columns_of_its_table(string name, int models, int conditions, int attacks, int seeds)
    {
        var grid = Preset(name);
        var trials = grid.Trials();
        Assert.Equal(
            (models, conditions, attacks, seeds),
            (Distinct(trial => trial.Model), Distinct(trial => trial.Condition), Distinct(trial => trial.Attack), grid.Seeds.Count));
        Assert.Equal(models * conditions * Math.Max(1, attacks) * seeds, trials.Count);
        Assert.Equal(name, grid.Recipe.Name);
        var report = grid.Recipe.Report;
        Assert.All(new[] { report.Control, report.Primary }.OfType<string>(), each => Assert.Contains(each, trials.Select(trial => trial.Condition)));
        Assert.True(report.Focus is null || trials.Any(trial => trial.Attack == report.Focus));
        Assert.Equal(models * conditions * Math.Min(1, attacks + 1), grid.Quick().Trials().Count * models);
        int Distinct(Func<Trial, string?> of) => trials.Select(of).OfType<string>().Distinct().Count();
    }

    [Fact]
    public void Every_preset_is_among_them() => Assert.Equal(11, Presets.Names.Length);

    [Fact]
    public void An_unknown_preset_names_those_there_are()
    {
        string message = Assert.ThrowsAny<InputException>(() => Presets.Text("harmful")).Message;
        Assert.All(Presets.Names, name => Assert.Contains(name, message));
    }

    [Fact]
    public void Any_value_can_be_an_axis()
    {
        var grid = TinyGrid.Grid("""grid={"align.rule.rho":[1,2],"attack.training.learning_rate":[1e-3,1e-2,0.1],"model.layers":[1,2],"seed":[5,7]}""", "align.rule.kind=vaccine", "align.rule.rho=1");
        var trials = grid.Trials();
        Assert.Equal(24, trials.Count);
        Assert.Equal(["layers = 1", "layers = 2"], trials.Select(trial => trial.Model).Distinct());
        Assert.Equal(["rho = 1", "rho = 2"], trials.Select(trial => trial.Condition).Distinct());
        Assert.Equal(3, trials.Select(trial => trial.Attack).Distinct().Count());
        Assert.Equal([5ul, 7ul], trials.Select(trial => trial.Seed).Distinct());
        Assert.Equal(trials[^1].Seed, trials[^1].Recipe.Seed);
    }

    [Theory]
    [InlineData("""grid={"align.rule.roh":[1]}""", "roh")]
    [InlineData("""grid={"align.rule":[{"kind":"vacine","rho":1}]}""", "did you mean \"vaccine\"")]
    [InlineData("""grid={"align.rule":[{"kind":"vaccine"}]}""", "rule.rho")]
    [InlineData("""grid={"align.rule":[{}]}""", "rule.kind")]
    [InlineData("""grid={"attack.objective":[{"kind":"kl","lambda":"x"}]}""", "objective.lambda")]
    [InlineData("""grid={"align.rule":[{"kind":"plain"},{"kind":"plain"}]}""", "two alternatives")]
    [InlineData("""grid={"align.rule":[]}""", "no alternatives")]
    [InlineData("""grid={"align.rule":1}""", "wrong kind")]
    [InlineData("""grid={"method":{"a":1}}""", "wrong kind")]
    [InlineData("""grid={"seed":"x"}""", "no seeds")]
    [InlineData("""grid={"seed":"9-3"}""", "no seeds")]
    [InlineData("""grid={"attack.data.harmful_ratio":[1.5]}""", "harmful_ratio")]
    [InlineData("""grid={"align":[null]}""", "unknown key")]
    public void What_is_no_grid_is_an_error(string set, string says) =>
        Assert.Contains(says, Assert.ThrowsAny<InputException>(() => TinyGrid.Grid(set).Trials()).Message);

    [Theory]
    [InlineData("10-12", 3)]
    [InlineData("4", 1)]
    [InlineData("4,4,5", 2)]
    [InlineData("", 0)]
    [InlineData("1-2-3", 0)]
    [InlineData("0-5000", 0)]
    public void Seeds_are_read_as_people_write_them(string text, int count) => Assert.Equal(count, SeedList.Parse(text).Count);

    private static ExperimentGrid Preset(string name) =>
        new(RecipeFormat.Standard.Parse(Presets.Text(name), name), RecipeFormat.Standard);
}
