using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;
using VaccineRef.Testing;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Tests.Recipes;

public sealed class RecipeFormatTests
{
    private const string Least = """{ "name": "n", "model": "m" }""";

    private static string Tiny => TinyExperiment.RecipeText;

    [Theory]
    [InlineData(Least)]
    [InlineData(TinyExperiment.RecipeText)]
    public void What_is_written_is_read_back(string text)
    {
        string once = RecipeFormat.Standard.Write(RecipeFormat.Standard.Parse(text, "here"));
        Assert.Equal(once, RecipeFormat.Standard.Write(RecipeFormat.Standard.Parse(once, "here")));
    }

    [Fact]
    public void What_is_left_out_has_its_default()
    {
        var least = RecipeFormat.Standard.Parse(Least, "here");
        Assert.Equal(
            (42ul, 200, "alpaca-vaccine", Precision.Float),
            (least.Seed, least.MaxLength, least.Template, least.Precision));
        Assert.Empty(least.Stages);

        var tiny = RecipeFormat.Standard.Parse(Tiny, "here");
        var alignment = (TrainStageOptions)tiny.Stages[0];
        Assert.Equal((0.1, 50), (alignment.Training.WeightDecay, alignment.Training.Epochs));
        Assert.IsType<CrossEntropyOptions>(alignment.Objective);
        var data = Assert.IsType<MixtureOptions>(tiny.Attack!.Data);
        Assert.Equal((Sampling.FirstK, new PlainOptions()), (data.Benign.Sampling, tiny.Attack.Rule));
        var evaluation = Assert.IsType<HeldOutOptions>(tiny.Evaluation);
        Assert.Equal(
            (1.0, 0, new RefusalPhraseJudgeOptions()), (evaluation.TopP, evaluation.CurvePoints, evaluation.Judge));
    }

    [Fact]
    public void A_recipe_of_the_first_form_means_the_same()
    {
        string today = RecipeFormat.Standard.Write(RecipeFormat.Standard.Parse(Tiny, "here"));
        Assert.Equal(
            today, RecipeFormat.Standard.Write(RecipeFormat.Standard.Parse(TinyExperiment.FormerRecipeText, "here")));
    }

    [Theory]
    [InlineData("alignment=3", "$.alignment")]
    [InlineData("attack=[]", "$.attack")]
    [InlineData("evaluation=\"held_out\"", "$.evaluation")]
    [InlineData("alignment.method=\"vaccine\"", "$.alignment.method")]
    [InlineData("alignment.lora=2", "$.alignment.lora")]
    [InlineData("attack.training=true", "$.attack.training")]
    [InlineData("attack.defense=\"ewc\"", "$.attack.defense")]
    [InlineData("lab=[1]", "$.lab")]
    [InlineData("alignment.name=\"x\"", "$.alignment.name")]
    [InlineData("alignment.lora.kind=\"lora\"", "$.alignment.lora.kind")]
    [InlineData("alignment.method.kind=\"sam\"", "$.method.kind")]
    [InlineData("evaluation.kind=\"world\"", "$.evaluation.kind")]
    [InlineData("attack.data={}", "$.attack.data")]
    public void Nothing_of_a_former_recipe_is_left_out_in_silence(string assignment, string where) =>
        Assert.Equal(where, Assert.Throws<RecipeException>(
            () => RecipeFormat.Standard.Parse(TinyExperiment.FormerRecipeText, "here", assignment)).Where);

    [Theory]
    [InlineData("attack.lora=null attack.adapter=\"same\"", "attack.adapter={\"kind\":\"same\"}")]
    [InlineData("attack.lora=null attack.adapter=\"none\"", "attack.adapter=null")]
    [InlineData("alignment.lora=null", "alignment.adapter=null")]
    [InlineData("alignment.method={\"rule\":\"random\",\"variance\":2}", "alignment.rule={\"kind\":\"random\",\"variance\":2}")]
    [InlineData("attack.defense={\"kind\":\"ewc\",\"lambda\":3}", "attack.objective={\"kind\":\"ewc\",\"lambda\":3}")]
    [InlineData("attack.defense={\"kind\":\"vlguard\",\"count\":2}", "attack.mixed_in={\"from\":\"alignment\",\"count\":2}")]
    [InlineData("weights=bf16", "model.weights=bf16")]
    [InlineData("evaluation.judge=\"synthetic\" evaluation.world_seed=3", "evaluation.judge={\"kind\":\"synthetic\",\"world_seed\":3}")]
    [InlineData(
        "evaluation.judge=\"moderation\" evaluation.judge_model=dam evaluation.threshold=0.4",
        "evaluation.judge={\"kind\":\"moderation\",\"path\":\"dam\",\"threshold\":0.4}")]
    [InlineData("attack.training={\"batch_size\":3}", "attack.training={\"batch_size\":3,\"epochs\":20,\"learning_rate\":1e-5}")]
    public void Every_part_of_the_first_form_has_its_place(string former, string today)
    {
        string Written(string text, string set) =>
            RecipeFormat.Standard.Write(RecipeFormat.Standard.Parse(text, "here", set.Split(' ')));
        Assert.Equal(Written(Tiny, today), Written(TinyExperiment.FormerRecipeText, former));
        Assert.NotEqual(Written(Tiny, "seed=7"), Written(Tiny, today));
    }

    [Theory]
    [InlineData("same")]
    [InlineData("none")]
    public void The_settings_of_an_adapter_that_the_first_form_does_not_make_are_refused(string adapter) => Assert.Equal(
        "$.attack.lora",
        Assert.Throws<RecipeException>(() => RecipeFormat.Standard.Parse(
            TinyExperiment.FormerRecipeText, "here", $"attack.adapter=\"{adapter}\"")).Where);

    [Theory]
    [InlineData("alignment.rule.rhoo=1", "$.stages[0].rule.rhoo", "rho")]
    [InlineData("sed=1", "$.sed", "seed")]
    [InlineData("attack.data.harmfull_ratio=1", "$.stages[1].data.harmfull_ratio", "harmful_ratio")]
    [InlineData("evaluation.harmful.pth=x", "$.evaluation.harmful.pth", "path")]
    [InlineData("alignment.data.fields={\"instruction\": \"a\", \"output\": \"b\", \"inpt\": \"c\"}", "$.stages[0].data.fields.inpt", "input")]
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
    [InlineData("alignment.rule.rho=many", "$.stages[0].rule.rho", "a number")]
    [InlineData("attack.training.shuffle=1", "$.stages[1].training.shuffle", "true or false")]
    [InlineData("name=null", "$.name", "text")]
    [InlineData("name=7", "$.name", "text")]
    [InlineData("precision=half", "$.precision", "float, double")]
    [InlineData("precision=1", "$.precision", "float, double")]
    [InlineData("alignment.adapter=8", "$.stages[0].adapter", "an object")]
    [InlineData("alignment.training=null", "$.stages[0].training", "an object")]
    [InlineData("alignment.adapter.targets=q_proj", "$.stages[0].adapter.targets", "a list of: text")]
    [InlineData("alignment.rule.sites=[\"nose\"]", "$.stages[0].rule.sites", "a list of: ")]
    [InlineData("model.path=\"a\\u0000\"", "$.model.path", "a file or a folder")]
    [InlineData("alignment.data.path=\"\\u0000\"", "$.stages[0].data.path", "a file or a folder")]
    [InlineData("evaluation.harmful.more=[\"a\", \"b\\u0000c\"]", "$.evaluation.harmful.more", "a file or a folder")]
    public void A_value_of_the_wrong_kind_is_named_with_what_is_right(string set, string path, string expected)
    {
        var error = Wrong(set);
        Assert.Equal(path, error.Where);
        Assert.Contains(expected, error.Message);
    }

    [Theory]
    [InlineData("""{ "model": "m" }""", "$.name")]
    [InlineData("""{ "name": "n", "stages": [] }""", "$.model")]
    [InlineData("""{ "name": "n", "model": {}, "stages": [] }""", "$.model.kind")]
    [InlineData("""{ "name": "n", "model": { "kind": "folder" }, "stages": [] }""", "$.model.path")]
    [InlineData("""{ "name": "n", "model": "m", "alignment": {} }""", "$.stages[0].data")]
    [InlineData("""{ "name": "n", "model": "m", "evaluation": { "task": { "task": "sst2" } } }""", "$.evaluation.task.path")]
    public void What_is_missing_is_named(string text, string path) =>
        Assert.Equal(path, Assert.Throws<RecipeException>(() => RecipeFormat.Standard.Parse(text, "here")).Where);

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("""{ "name": "n" """)]
    [InlineData("""{ "name": "n", "name": "n", "model": "m" }""")]
    public void What_is_no_recipe_is_refused_by_its_file(string text) =>
        Assert.Equal("here", Assert.Throws<RecipeException>(() => RecipeFormat.Standard.Parse(text, "here")).Where);

    [Fact]
    public void Overrides_reach_every_depth()
    {
        var recipe = RecipeFormat.Standard.Parse(
            Tiny, "here", "seed=9", "model.path=other folder", "evaluation.top_p=0.5", "alignment.data.path=a=b.json",
            "alignment.rule={\"kind\": \"vaccine\", \"rho\": 1e-1}", "alignment.rule.sites=[\"attention_output\"]",
            "alignment.adapter=null");
        var alignment = (TrainStageOptions)recipe.Stages[0];
        Assert.Equal((9ul, "other folder", 0.5), (
            recipe.Seed, ((FolderModelOptions)recipe.Model).Path, ((HeldOutOptions)recipe.Evaluation!).TopP));
        Assert.Equal(
            ("a=b.json", "refusals"), (((FileDataOptions)alignment.Data).Path, ((FileDataOptions)alignment.Data).Task));
        var rule = Assert.IsType<VaccineOptions>(alignment.Rule);
        Assert.Equal(0.1, rule.Rho);
        Assert.Equal([SiteKind.AttentionOutput], rule.Sites!);
        Assert.Null(alignment.Adapter);
    }

    [Theory]
    [InlineData("seed")]
    [InlineData("=1")]
    [InlineData("name.first=x")]
    [InlineData("alignment..rho=1")]
    public void A_bad_override_is_refused(string set) => Wrong(set);

    [Theory]
    [InlineData("alignment.rule={\"kind\": \"plain\", \"rho\": 1}", "rule.rho")]
    [InlineData("alignment.rule.tau=2", "rule.tau")]
    [InlineData("alignment.rule.variance=2", "rule.variance")]
    [InlineData("alignment.rule={\"kind\": \"random\", \"variance\": 1, \"norm\": \"batch\"}", "rule.norm")]
    [InlineData("alignment.rule={\"kind\": \"vaccine\"}", "rule.rho")]
    [InlineData("alignment.rule={\"kind\": \"random\"}", "rule.variance")]
    [InlineData("alignment.rule={\"kind\": \"accelerated_vaccine\", \"rho\": 1}", "rule.tau")]
    [InlineData("alignment.rule={\"kind\": \"vacine\", \"rho\": 1}", "rule.kind")]
    [InlineData("alignment.rule={\"rho\": 1}", "rule.kind")]
    [InlineData("alignment.objective={\"kind\": \"kll\", \"lambda\": 1}", "objective.kind")]
    [InlineData("alignment.objective={\"kind\": \"kl\"}", "objective.lambda")]
    [InlineData("alignment.objective={\"kind\": \"kl\", \"lambda\": -1}", "objective.lambda")]
    [InlineData("alignment.objective={\"kind\": \"kl\", \"lambda\": 1, \"count\": 1}", "objective.count")]
    [InlineData("alignment.objective={\"kind\": \"ewc\", \"lambda\": 1}", "objective")]
    [InlineData("alignment.mixed_in={\"from\": \"attack\", \"count\": 1}", "mixed_in.from")]
    [InlineData("alignment.adapter={\"kind\": \"same\"}", "adapter")]
    [InlineData("alignment.name=\"attack\"", "name", 1)]
    [InlineData("alignment.name=\"model\"", "name")]
    [InlineData("alignment.name=\"a/b\"", "name")]
    [InlineData("alignment.kind=\"trian\"", "kind")]
    public void A_choice_has_its_settings_and_no_others(string set, string name, int stage = 0) =>
        Assert.Equal($"$.stages[{stage}].{name}", Wrong(set).Where);

    [Theory]
    [InlineData("name=../up", "$.name")]
    [InlineData("template=llama4", "$.template")]
    [InlineData("alignment.data.count=-1", "$.stages[0].data.count")]
    [InlineData("alignment.data.task=refusal", "$.stages[0].data.task")]
    [InlineData("alignment.data.fields={\"instruction\": \"a\", \"output\": \"b\"}", "$.stages[0].data")]
    [InlineData("alignment.training.batch_size=2147483647", "$.stages[0].training.batch_size")]
    [InlineData("alignment.training.epochs=429496730", "$.stages[0].training.epochs")]
    [InlineData("stages=[null]", "$.stages[0]")]
    [InlineData("report.published=[\"table-3\"]", "$.report.published")]
    [InlineData("alignment.adapter.rank=0", "$.stages[0].adapter.rank")]
    [InlineData("attack.adapter.dropout=1", "$.stages[1].adapter.dropout")]
    [InlineData("attack.data.harmful_ratio=-0.1", "$.stages[1].data.harmful_ratio")]
    [InlineData("attack.data.samples=0", "$.stages[1].data.samples")]
    [InlineData("attack.mixed_in={\"from\": \"alignment\", \"count\": 0}", "$.stages[1].mixed_in.count")]
    [InlineData("evaluation.temperature=-1", "$.evaluation.temperature")]
    [InlineData("evaluation.top_p=0", "$.evaluation.top_p")]
    [InlineData("evaluation.probe_count=-1", "$.evaluation.probe_count")]
    [InlineData("evaluation.curve_points=-1", "$.evaluation.curve_points")]
    [InlineData("evaluation.task.task=alpaca", "$.evaluation.task.task")]
    [InlineData("attack.data={\"kind\": \"world_attack\"}", "$.world")]
    public void A_value_out_of_its_range_is_named_by_its_path(string set, string where) =>
        Assert.Equal(where, Wrong(set).Where);

    [Theory]
    [InlineData("judge.path", "judge={\"kind\":\"refusal-phrases\",\"path\":\"m\"}")]
    [InlineData("judge.path", "judge={\"kind\":\"moderation\"}")]
    [InlineData("judge.world_seed", "judge={\"kind\":\"moderation\",\"path\":\"m\",\"world_seed\":1}")]
    [InlineData("judge.threshold", "judge={\"kind\":\"moderation\",\"path\":\"m\",\"threshold\":1}")]
    [InlineData("judge.world_seed", "judge={\"kind\":\"synthetic\"}")]
    [InlineData("judge.kind", "judge={\"kind\":\"Moderation\"}")]
    [InlineData("judge", "judge={\"kind\":\"synthetic\",\"world_seed\":1}", "harmful=null")]
    public void A_judge_has_its_settings_and_no_others(string name, params string[] set)
    {
        var error = Assert.Throws<RecipeException>(
            () => RecipeFormat.Standard.Parse(Tiny, "here", [.. set.Select(value => $"evaluation.{value}")]));
        Assert.Equal($"$.evaluation.{name}", error.Where);
    }

    [Theory]
    [InlineData("alignment.adapter=null", 0)]
    [InlineData("attack.adapter=null", 1)]
    public void Weights_in_bfloat16_are_read_and_not_trained(string set, int stage)
    {
        Assert.Equal(WeightPrecision.Bf16, RecipeFormat.Standard.Parse(Tiny, "here", "model.weights=bf16").Model.Kept);
        Assert.Contains(
            "\"weights\": \"bf16\"",
            RecipeFormat.Standard.Write(RecipeFormat.Standard.Parse(Tiny, "here", "model.weights=bf16")));
        var error = Assert.ThrowsAny<InputException>(
            () => RecipeFormat.Standard.Parse(Tiny, "here", "model.weights=bf16", set));
        Assert.Equal($"$.stages[{stage}].adapter", error.Where);
    }

    [Fact]
    public void Every_recipe_of_the_project_is_one()
    {
        string folder = Path.Combine(Repository.Root, "recipes");
        Assert.SkipUnless(Directory.Exists(folder), "this checkout has no recipes folder");
        Assert.All(
            Directory.GetFiles(folder, "*.json", SearchOption.AllDirectories).Where(path => Path.GetFileName(path) != RecipeSchema.FileName), path => Assert.NotEmpty(RecipeFormat.Standard.Read(path).Name));
    }

    [Fact]
    public void A_recipe_written_for_another_folder_names_the_same_files()
    {
        using var tiny = new TinyExperiment();
        foreach (string name in (string[])["a.jsonl", "b.jsonl"])
            tiny.Write(name, name);
        Directory.CreateDirectory(tiny.In("recipes"));
        foreach (string path in Directory.GetFileSystemEntries(tiny.Folder)
            .Where(path => Path.GetFileName(path) != "recipes"))
            Directory.Move(path, Path.Combine(tiny.In("recipes"), Path.GetFileName(path)));
        string text = RecipeFormat.Standard.Write(
            RecipeFormat.Standard.Parse(Tiny, "here", """grid={"attack.data.harmful.path": ["a.jsonl", "b.jsonl"]}"""),
            new DataFiles(tiny.In("recipes")), tiny.In("runs/tiny"));
        var moved = RecipeFormat.Standard.Parse(text, "there");
        Assert.Equal("../../recipes/model", ((FolderModelOptions)moved.Model).Path);
        Assert.Equal("../../recipes/safe.json", ((FileDataOptions)((TrainStageOptions)moved.Stages[0]).Data).Path);
        Assert.Equal("../../recipes/b.jsonl", moved.Grid!["attack.data.harmful.path"]![1]!.ToString());
        Assert.IsType<LoraOptions>(moved.Attack!.Adapter);
        Assert.Equal(
            "a.jsonl asked.jsonl b.jsonl model safe.json task.tsv unwanted.jsonl",
            string.Join(' ', moved.Files!.Keys.Order().Select(path => path["../../recipes/".Length..])));
        Assert.All(
            moved.Files.Values, file => Assert.True(file.Sha256.Length == 64 && Path.IsPathFullyQualified(file.At!)));
    }

    private static InputException Wrong(string set) =>
        Assert.ThrowsAny<InputException>(() => RecipeFormat.Standard.Parse(Tiny, "here", set));
}
