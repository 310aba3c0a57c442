using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.Tests.Pipeline;
using VaccineRef.Experiments.World;
using VaccineRef.Testing;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Tests.Recipes;

/// <summary>
/// Data that a rule sees beside those of its stage: named in the recipe, in the hash, in the manifest, and never held
/// out.
/// </summary>
public sealed class StreamTests
{
    private const string Rule =
        """align.rule={"kind":"t_vaccine","rho":0.5,"layers":1,"resample_every":1,"probe_every":2}""";
    private const string Stream =
        """align.streams={"harmful":{"data":{"kind":"world_harmful","count":8},"batch_size":2}}""";
    private const string Alone = """grid={"seed":"3"}""";

    [Theory]
    [InlineData("$.stages[1].streams.harmful", Rule)]
    [InlineData("$.stages[1].streams.harmful", Stream)]
    [InlineData("$.stages[1].streams.task", Rule, """align.streams={"harmful":{"data":{"kind":"world_harmful"}},"task":{"data":{"kind":"world_harmful"}}}""")]
    [InlineData("$.stages[1].streams.harmful.batch_size", Rule, Stream, "align.streams.harmful.batch_size=-1")]
    [InlineData("$.stages[1].streams.harmful.data.count", Rule, Stream, "align.streams.harmful.data.count=0")]
    [InlineData("$.stages[1].streams.harmful.data.cuont", Rule, Stream, "align.streams.harmful.data.cuont=1")]
    [InlineData("$.stages[1].streams.harmful.data", Rule, """align.streams={"harmful":{}}""")]
    [InlineData("$.stages[1].streams.harmful", Rule, """align.streams={"harmful":3}""")]
    [InlineData("$.stages[1].streams", Rule, "align.streams=[]")]
    [InlineData("$.world", Rule, Stream, "world=null")]
    public void A_stream_that_is_missing_or_wrong_is_an_error_with_its_place(string where, params string[] set)
    {
        var error =
            Assert.ThrowsAny<InputException>(() => RecipeFormat.Standard.Parse(TinyGrid.Text, "tiny", [Alone, .. set]));
        Assert.Equal(where, error.Where);
        if (where.EndsWith("streams.harmful", StringComparison.Ordinal) && set.Length == 1)
            Assert.Contains(set[0] == Rule ? "T-Vaccine" : "SFT", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void It_is_written_and_read_back_and_more_than_the_world_has_is_an_error()
    {
        string text = RecipeFormat.Standard.Write(
            RecipeFormat.Standard.Parse(TinyGrid.Text, "tiny", Alone, Rule, Stream));
        Assert.Equal(text, RecipeFormat.Standard.Write(RecipeFormat.Standard.Parse(text, "again")));
        Assert.DoesNotContain(
            "streams", RecipeFormat.Standard.Write(RecipeFormat.Standard.Parse(TinyGrid.Text, "tiny", Alone)),
            StringComparison.Ordinal);
        var trials = TinyGrid.Grid(Alone, Rule, Stream, "align.streams.harmful.data.count=61").Trials();
        var error = Assert.ThrowsAny<InputException>(() => Preflight.Require(trials, new DataFiles(".")));
        Assert.Contains("61", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Of the alignment and of what begins with it, not of what comes before.</summary>
    [Theory]
    [InlineData("align.streams.harmful.data.count=9")]
    [InlineData("align.streams.harmful.batch_size=3")]
    [InlineData("""align.streams.harmful.data={"kind":"world_attack","harmful_ratio":1,"samples":8}""")]
    public void It_is_part_of_the_hash_of_its_stage(string set)
    {
        string[] Hashes(params string[] more) =>
            [.. TinyGrid.Plan(TinyGrid.Grid([Alone, Rule, Stream, .. more])).Chains[0].Select(node => node.Hash)];
        Assert.Equal([false, false, true, true], Hashes().Zip(Hashes(set), (a, b) => a != b));
    }

    [Fact]
    public void Rules_with_and_without_streams_run_side_by_side_with_the_same_bits_on_any_number_of_workers()
    {
        string harmful = """{"harmful":{"data":{"kind":"world_harmful","count":8},"batch_size":2}}""";
        string grid = "grid={\"method\":{\"SFT\":{},"
            + "\"T-Vaccine\":{\"align.rule\":{\"kind\":\"t_vaccine\",\"rho\":0.5,\"layers\":1,\"resample_every\":1,\"probe_every\":2},\"align.streams\":" + harmful + "},"
            + "\"OASIS\":{\"align.rule\":{\"kind\":\"oasis\",\"rho\":0.5,\"layers\":1,\"probe_every\":3},\"align.streams\":" + harmful + "},"
            + "\"PGD\":{\"align.rule\":{\"kind\":\"pgd_vaccine\",\"rho\":0.5,\"steps\":2}}},\"seed\":\"3\"}";
        using TinyGrid one = new(), two = new();
        var report = one.Run(1, TinyGrid.Grid(grid, "report.primary=T-Vaccine"));
        var again = two.Run(2, TinyGrid.Grid(grid, "report.primary=T-Vaccine"));
        Assert.Empty(report.Failures);
        Assert.Equal(
            report.Trials.Select(trial => report.Attacked(trial)!.Measured!.AlignmentLoss),
            again.Trials.Select(trial => again.Attacked(trial)!.Measured!.AlignmentLoss));
        TrainingCost Of(int trial) => report.Alignment(report.Trials[trial])!.Cost!;
        Assert.Equal([1, 2.5, 2 + (1 / 3.0), 3], Enumerable.Range(0, 4).Select(trial => Of(trial).ForwardsPerStep));
        Assert.Equal(
            4, report.Trials.Select(trial => report.Alignment(trial)!.Measured!.AlignmentLoss).Distinct().Count());
    }

    [Fact]
    public void A_file_gives_a_harmful_stream_its_unsafe_rows_but_those_with_a_held_out_prompt()
    {
        var folder = Directory.CreateTempSubdirectory("vaccineref-");
        try
        {
            string Row(int i, bool safe) =>
                $$"""{"prompt":"question {{i}}","response":"answer {{i}}","is_safe":{{(safe ? "true" : "false")}},"category":{} }""";
            File.WriteAllLines(
                Path.Combine(folder.FullName, "rows.jsonl"), Enumerable.Range(1, 6).Select(i => Row(i, i % 2 == 0)));
            File.WriteAllLines(Path.Combine(folder.FullName, "held.jsonl"), [Row(3, false)]);
            var rows = new FileDataOptions { Path = "rows.jsonl", Task = "beavertails" };
            var align = new TrainStageOptions
            {
                Name = "align",
                Data = rows,
                Rule = new TVaccineOptions(),
                Streams = new Dictionary<string, StreamOptions> { [StreamName.Harmful] = new() { Data = rows } },
            };
            var recipe = new Recipe
            {
                Name = "streams",
                Model = new WorldModelOptions(),
                Stages = [align],
                Evaluation = new HeldOutOptions { Harmful = rows with { Path = "held.jsonl" } },
            };
            var reader = new DataReader(recipe, new DataFiles(folder.FullName), new Data.CharacterTokenizer());
            Assert.Equal(
                ["rows.jsonl:1", "rows.jsonl:5"], reader.Stream(align, StreamName.Harmful).Select(row => row.Id));
            Assert.Equal(
                ["rows.jsonl:2", "rows.jsonl:4", "rows.jsonl:6"], reader.Training(align).Select(row => row.Id));
            Assert.Contains(reader.Manifest.Stages, stage => stage is { Name: "align.harmful", Examples: 2 });
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Property(MaxTest = 5)]
    public void The_defender_s_harmful_data_is_in_no_attack_and_no_test_and_answers_what_alignment_refuses(ulong seed)
    {
        var world = new SyntheticWorld(seed, new());
        var refused = world.Refused(400);
        Assert.All(refused, example => Assert.Equal(WorldKind.Harmful, example.Kind));
        Assert.Empty(
            refused.Select(e => e.Item).Intersect(world.Attack(1, 400).Concat(world.HarmfulTest).Select(e => e.Item)));
        Assert.Equal(
            world.Alignment().Where(e => e.Kind == WorldKind.Refusal).Select(e => e.Prompt)
                .Order(StringComparer.Ordinal),
            refused.Select(e => e.Prompt).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_recipe_of_a_method_plans_and_compares_it_with_plain_and_with_vaccine()
    {
        string folder = Path.Combine(Repository.Root, "recipes", "methods");
        Assert.SkipUnless(Directory.Exists(folder), "this checkout has no recipes/methods folder");
        string[] recipes = Directory.GetFiles(folder, "*.json");
        Assert.NotEmpty(recipes);
        foreach (string path in recipes)
        {
            var grid = new ExperimentGrid(RecipeFormat.Standard.Read(path), RecipeFormat.Standard);
            var trials = grid.Trials();
            var plan = new StagePlan(trials, RecipeFormat.Standard, new DataFiles(folder), "cpu");
            Assert.All(
                plan.Chains, chain => Assert.Equal("attack", chain.Last(node => node.Stage is TrainStageOptions).Name));
            var stages = trials.SelectMany(trial => trial.Recipe.Stages.Where(stage => !stage.Skip)).ToArray();
            var rules = stages.OfType<TrainStageOptions>().Select(stage => stage.Rule.GetType()).ToHashSet();
            var others = stages.OfType<EditStageOptions>().Select(stage => stage.GetType())
                .Concat(stages.OfType<TrainStageOptions>().Select(stage => stage.Objective.GetType())
                    .Where(type => type != typeof(CrossEntropyOptions)));
            bool mixes = stages.OfType<TrainStageOptions>().Any(stage => stage.MixedIn is not null);
            Assert.Superset(new HashSet<Type> { typeof(PlainOptions), typeof(VaccineOptions) }, rules);
            Assert.True(rules.Count > 2 || others.Any() || mixes, path);
        }
    }
}
