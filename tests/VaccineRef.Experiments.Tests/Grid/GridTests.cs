using System.Reflection;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.Tests.Pipeline;
using VaccineRef.Testing;
using VaccineRef.Training;

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
    [InlineData("family", 1, 26, 8, 3)]
    public void A_preset_has_the_rows_and_columns_of_its_table(
        string name, int models, int conditions, int attacks, int seeds)
    {
        var grid = Preset(name);
        var trials = grid.Trials();
        Assert.Equal(
            (models, conditions, attacks, seeds),
            (Distinct(trial => trial.Model), Distinct(trial => trial.Condition), Distinct(trial => trial.Attack),
                grid.Seeds.Count));
        Assert.Equal(models * conditions * Math.Max(1, attacks) * seeds, trials.Count);
        Assert.Equal(name, grid.Recipe.Name);
        var report = grid.Recipe.Report;
        Assert.All(
            new[] { report.Control, report.Primary }.OfType<string>(),
            each => Assert.Contains(each, trials.Select(trial => trial.Condition)));
        Assert.True(report.Focus is null || trials.Any(trial => trial.Attack == report.Focus));
        Assert.Equal(models * conditions * Math.Min(1, attacks + 1), grid.Quick().Trials().Count * models);
        int Distinct(Func<Trial, string?> of) => trials.Select(of).OfType<string>().Distinct().Count();
    }

    [Fact]
    public void Every_preset_is_among_them() => Assert.Equal(12, Presets.Names.Length);

    /// <summary>Whoever adds a rule adds its line to the family, so that it is compared with all others.</summary>
    [Fact]
    public void Every_rule_that_a_recipe_can_name_is_in_the_family()
    {
        JsonDerivedTypeAttribute[] known = [.. typeof(RuleOptions).GetCustomAttributes<JsonDerivedTypeAttribute>()];
        Assert.True(known.Length > 20);
        foreach (string text in (string[])[Presets.Text("family"),
            File.ReadAllText(Path.Combine(Repository.Root, "recipes", "family-choice.json"))])
        {
            var trials = new ExperimentGrid(RecipeFormat.Standard.Parse(text, "the family"), RecipeFormat.Standard).With([0]).Trials();
            var rules = trials.SelectMany(trial => trial.Recipe.Stages.OfType<TrainStageOptions>())
                .Select(stage => stage.Rule.GetType()).ToHashSet();
            Assert.Empty(known.Where(each => !rules.Contains(each.DerivedType)).Select(each => each.TypeDiscriminator));
        }
    }

    [Fact]
    public void An_unknown_preset_names_those_there_are()
    {
        string message = Assert.ThrowsAny<InputException>(() => Presets.Text("harmful")).Message;
        Assert.All(Presets.Names, name => Assert.Contains(name, message));
    }

    [Fact]
    public void Any_value_can_be_an_axis()
    {
        var grid = TinyGrid.Grid(
            """grid={"align.rule.rho":[1,2],"attack.training.learning_rate":[1e-3,1e-2,0.1],"model.layers":[1,2],"seed":[5,7]}""", "align.rule.kind=vaccine", "align.rule.rho=1");
        var trials = grid.Trials();
        Assert.Equal(24, trials.Count);
        Assert.Equal(["layers = 1", "layers = 2"], trials.Select(trial => trial.Model).Distinct());
        Assert.Equal(["rho = 1", "rho = 2"], trials.Select(trial => trial.Condition).Distinct());
        Assert.Equal(3, trials.Select(trial => trial.Attack).Distinct().Count());
        Assert.Equal([5ul, 7ul], trials.Select(trial => trial.Seed).Distinct());
        Assert.Equal(trials[^1].Seed, trials[^1].Recipe.Seed);
    }

    [Fact]
    public void A_quick_look_keeps_an_attack_that_leaves_the_recipe_as_it_is()
    {
        var grid = TinyGrid.Grid("""grid={"method":{"SFT":{"align.rule":{"kind":"plain"}}},"attacks":{"none":{"attack.data.harmful_ratio":0},"all":{}}}""");
        Assert.Equal([("SFT", "none"), ("SFT", "all")], grid.Trials().Select(trial => (trial.Condition, trial.Attack)));
        Assert.Equal([("SFT", "all")], grid.Quick().Trials().Select(trial => (trial.Condition, trial.Attack)));
    }

    /// <summary>
    /// What an attacker can choose, as one axis: each alternative is a column of the tables, and none a method.
    /// </summary>
    [Fact]
    public void Everything_that_an_attacker_chooses_fits_on_one_axis()
    {
        string[] attacks =
        [
            """ "rate": {"attack.training.learning_rate": 0.01} """,
            """ "schedule": {"attack.training.schedule": "linear"} """,
            """ "batch": {"attack.training.batch_size": 2} """, """ "epochs": {"attack.training.epochs": 3} """,
            """ "rank": {"attack.adapter": {"kind": "lora", "rank": 4}} """,
            """ "all weights": {"attack.adapter": null} """, """ "benign": {"attack.data.harmful_ratio": 0} """,
            """ "harmful": {"attack.data.harmful_ratio": 1} """, """ "few": {"attack.data.samples": 8} """,
            """ "no template": {"attack.template": "none"} """,
            """ "other data": {"attack.data": {"kind": "world_harmful", "count": 8}} """,
        ];
        var trials = TinyGrid.Grid($$"""grid={"attacks": { {{string.Join(',', attacks)}} } }""").Trials();
        Assert.Equal(attacks.Length, trials.Select(trial => trial.Attack).Distinct().Count());
        Assert.Single(trials.Select(trial => trial.Condition).Distinct());
        Assert.Equal(attacks.Length, trials.Select(trial => $"{trial.Recipe.Attack}").Distinct().Count());
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
    [InlineData("10-17,20-27", 16)]
    [InlineData("10-12,11,12-13", 4)]
    [InlineData("10-12,x", 0)]
    [InlineData("", 0)]
    [InlineData("1-2-3", 0)]
    [InlineData("0-5000", 0)]
    public void Seeds_are_read_as_people_write_them(string text, int count) =>
        Assert.Equal(count, SeedList.Parse(text).Count);

    private static ExperimentGrid Preset(string name) =>
        new(RecipeFormat.Standard.Parse(Presets.Text(name), name), RecipeFormat.Standard);
}
