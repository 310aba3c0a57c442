using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Core;
using VaccineRef.Testing;

namespace VaccineRef.Experiments.Tests.Recipes;

public sealed class RecipeReaderTests
{
    private const string Least = """{ "name": "n", "model": "m" }""";

    private static string Tiny => TinyExperiment.RecipeText;

    [Theory]
    [InlineData(Least)]
    [InlineData(TinyExperiment.RecipeText)]
    public void What_is_written_is_read_back(string text)
    {
        string once = RecipeReader.Write(RecipeReader.Parse(text, "here"));
        Assert.Equal(once, RecipeReader.Write(RecipeReader.Parse(once, "here")));
    }

    [Fact]
    public void What_is_left_out_has_its_default()
    {
        var least = RecipeReader.Parse(Least, "here");
        Assert.Equal((42ul, 200, "alpaca-vaccine", Precision.Float), (least.Seed, least.MaxLength, least.Template, least.Precision));
        Assert.Equal((128, 200, 1.0, 200), (
            least.Evaluation.HarmfulTokens, least.Evaluation.TaskTokens, least.Evaluation.TopP, least.Evaluation.ProbeCount));
        Assert.Null(least.Alignment ?? (object?)least.Attack);

        var tiny = RecipeReader.Parse(Tiny, "here");
        Assert.Equal((0.1, 50), (tiny.Alignment!.Training.WeightDecay, tiny.Alignment.Training.Epochs));
        Assert.Equal((20, AttackAdapter.Fresh), (tiny.Attack!.Training.Epochs, tiny.Attack.Adapter));
        Assert.Equal(1e-5, RecipeReader.Parse(Tiny.Replace(", \"learning_rate\": 1e-3 }", " }"), "here").Attack!.Training.LearningRate);
        Assert.Equal(Sampling.FirstK, tiny.Attack.Benign.Sampling);
    }

    [Theory]
    [InlineData("alignment.method.rhoo=1", "$.alignment.method.rhoo", "rho")]
    [InlineData("sed=1", "$.sed", "seed")]
    [InlineData("attack.harmfull_ratio=1", "$.attack.harmfull_ratio", "harmful_ratio")]
    [InlineData("evaluation.harmful.pth=x", "$.evaluation.harmful.pth", "path")]
    [InlineData("alignment.data.fields={\"instruction\": \"a\", \"output\": \"b\", \"inpt\": \"c\"}", "$.alignment.data.fields.inpt", "input")]
    public void An_unknown_key_is_named_with_the_nearest(string set, string path, string nearest)
    {
        var error = Wrong(set);
        Assert.Equal(path, error.Where);
        Assert.Contains($"did you mean \"{nearest}\"?", error.Message);
    }

    [Theory]
    [InlineData("seed=-1", "$.seed", "a whole number")]
    [InlineData("seed=1.5", "$.seed", "a whole number")]
    [InlineData("max_length=\"long\"", "$.max_length", "a whole number")]
    [InlineData("alignment.method.rho=many", "$.alignment.method.rho", "a number")]
    [InlineData("attack.training.shuffle=1", "$.attack.training.shuffle", "true or false")]
    [InlineData("name=null", "$.name", "text")]
    [InlineData("name=7", "$.name", "text")]
    [InlineData("precision=half", "$.precision", "float, double")]
    [InlineData("precision=1", "$.precision", "float, double")]
    [InlineData("alignment.lora=8", "$.alignment.lora", "an object")]
    [InlineData("alignment.training=null", "$.alignment.training", "an object")]
    [InlineData("alignment.lora.targets=q_proj", "$.alignment.lora.targets", "a list of: text")]
    [InlineData("alignment.method.sites=[\"nose\"]", "$.alignment.method.sites", "a list of: ")]
    public void A_value_of_the_wrong_kind_is_named_with_what_is_right(string set, string path, string expected)
    {
        var error = Wrong(set);
        Assert.Equal(path, error.Where);
        Assert.Contains(expected, error.Message);
    }

    [Theory]
    [InlineData("""{ "model": "m" }""", "$.name")]
    [InlineData("""{ "name": "n" }""", "$.model")]
    [InlineData("""{ "name": "n", "model": "m", "alignment": {} }""", "$.alignment.data")]
    [InlineData("""{ "name": "n", "model": "m", "evaluation": { "task": { "task": "sst2" } } }""", "$.evaluation.task.path")]
    public void What_is_missing_is_named(string text, string path) =>
        Assert.Equal(path, Assert.Throws<RecipeException>(() => RecipeReader.Parse(text, "here")).Where);

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("""{ "name": "n" """)]
    [InlineData("""{ "name": "n", "name": "n", "model": "m" }""")]
    public void What_is_no_recipe_is_refused_by_its_file(string text) =>
        Assert.Equal("here", Assert.Throws<RecipeException>(() => RecipeReader.Parse(text, "here")).Where);

    [Fact]
    public void Overrides_reach_every_depth()
    {
        var recipe = RecipeReader.Parse(
            Least, "here", "seed=9", "model=other folder", "evaluation.top_p=0.5", "alignment.data.path=a=b.json",
            "alignment.data.task=refusals", "alignment.method={\"rule\": \"vaccine\", \"rho\": 1e-1}",
            "alignment.method.sites=[\"attention_output\"]", "alignment.lora=null");
        Assert.Equal((9ul, "other folder", 0.5), (recipe.Seed, recipe.Model, recipe.Evaluation.TopP));
        Assert.Equal(("a=b.json", "refusals", 0.1), (recipe.Alignment!.Data.Path, recipe.Alignment.Data.Task, recipe.Alignment.Method.Rho));
        Assert.Equal([SiteKind.AttentionOutput], recipe.Alignment.Method.Sites!);
        Assert.Null(recipe.Alignment.Lora);
    }

    [Theory]
    [InlineData("seed")]
    [InlineData("=1")]
    [InlineData("name.first=x")]
    [InlineData("alignment..rho=1")]
    public void A_bad_override_is_refused(string set) => Wrong(set);

    [Theory]
    [InlineData("alignment.method={\"rule\": \"plain\", \"rho\": 1}", "rho")]
    [InlineData("alignment.method.tau=2", "tau")]
    [InlineData("alignment.method.variance=2", "variance")]
    [InlineData("alignment.method={\"rule\": \"random\", \"variance\": 1, \"norm\": \"batch\"}", "norm")]
    [InlineData("alignment.method={\"rule\": \"vaccine\"}", "rho")]
    [InlineData("alignment.method={\"rule\": \"random\"}", "variance")]
    [InlineData("alignment.method={\"rule\": \"accelerated_vaccine\", \"rho\": 1}", "tau")]
    [InlineData("alignment.method.rule=vacine", "rule")]
    public void A_rule_has_its_settings_and_no_others(string set, string name) =>
        Assert.Equal($"$.alignment.method.{name}", Wrong(set).Where);

    [Theory]
    [InlineData("name=../up")]
    [InlineData("template=alpaca")]
    [InlineData("alignment.data.count=-1")]
    [InlineData("alignment.data.task=refusal")]
    [InlineData("alignment.data.fields={\"instruction\": \"a\", \"output\": \"b\"}")]
    [InlineData("alignment.lora.rank=0")]
    [InlineData("attack.lora.dropout=1")]
    [InlineData("attack.harmful_ratio=-0.1")]
    [InlineData("attack.samples=0")]
    [InlineData("evaluation.temperature=-1")]
    [InlineData("evaluation.top_p=0")]
    [InlineData("evaluation.probe_count=-1")]
    [InlineData("evaluation.task.task=alpaca")]
    public void A_value_out_of_its_range_is_named_by_its_path(string set) =>
        Assert.StartsWith(Wrong(set).Where!, "$." + set.Split('=')[0]);

    [Theory]
    [InlineData("judge_model", "judge_model=m")]
    [InlineData("threshold", "threshold=0.5")]
    [InlineData("world_seed", "world_seed=1")]
    [InlineData("judge_model", "judge=moderation")]
    [InlineData("world_seed", "judge=moderation", "judge_model=m", "world_seed=1")]
    [InlineData("threshold", "judge=moderation", "judge_model=m", "threshold=1")]
    [InlineData("world_seed", "judge=synthetic")]
    [InlineData("judge_model", "judge=synthetic", "world_seed=1", "judge_model=m")]
    [InlineData("judge", "judge=Moderation")]
    [InlineData("judge", "judge=synthetic", "world_seed=1", "harmful=null")]
    public void A_judge_has_its_settings_and_no_others(string name, params string[] set)
    {
        var error = Assert.Throws<RecipeException>(
            () => RecipeReader.Parse(Tiny, "here", [.. set.Select(value => $"evaluation.{value}")]));
        Assert.Equal($"$.evaluation.{name}", error.Where);
    }

    [Fact]
    public void A_judge_is_read_with_its_settings()
    {
        var evaluation = RecipeReader.Parse(
            Tiny, "here", "evaluation.judge=moderation", "evaluation.judge_model=dam", "evaluation.threshold=0.4")
            .Evaluation;
        Assert.Equal(("moderation", "dam", 0.4), (evaluation.Judge, evaluation.JudgeModel, evaluation.Threshold));
        Assert.Contains("\"judge\": \"refusal-phrases\"", RecipeReader.Write(RecipeReader.Parse(Least, "here")));
    }

    [Theory]
    [InlineData("alignment.lora=null")]
    [InlineData("attack.adapter=none")]
    public void Weights_in_bfloat16_are_not_trained(string set) =>
        Assert.Equal("$.weights", Assert.ThrowsAny<InputException>(() => RecipeReader.Parse(Tiny, "here", "weights=bf16", set)).Where);

    [Fact]
    public void Every_recipe_of_the_project_is_one()
    {
        string folder = Path.Combine(Repository.Root, "recipes");
        Assert.SkipUnless(Directory.Exists(folder), "this checkout has no recipes folder");
        Assert.All(Directory.GetFiles(folder, "*.json"), path => Assert.NotEmpty(RecipeReader.Read(path).Name));
    }

    private static InputException Wrong(string set) =>
        Assert.ThrowsAny<InputException>(() => RecipeReader.Parse(Tiny, "here", set));
}
