using System.Text.Json.Nodes;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Testing;

namespace VaccineRef.Cli.Tests;

/// <summary>What a run says and keeps of its recipe and of the files that the recipe names.</summary>
public sealed class RunRecipeTests : IDisposable
{
    private readonly TinyExperiment _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void A_changed_file_is_named_when_a_runs_recipe_is_run_and_can_be_accepted()
    {
        Run();
        File.AppendAllText(_tiny.In("task.tsv"), "day 10 was long\t1\n");
        string[] again = ["run", _tiny.In("run/recipe.json"), "--out", _tiny.In("again"), "--threads", "1"];
        var outcome = Vaccine.Run(again);
        Assert.Equal(2, outcome.Code);
        Assert.Contains(_tiny.In("task.tsv"), outcome.Error);
        Assert.False(Directory.Exists(_tiny.In("again")));
        Assert.Equal(0, Vaccine.Run([.. again, "--set", "files=null"]).Code);
    }

    [Fact]
    public void A_runs_recipe_finds_its_files_wherever_it_lies_and_keeps_the_seeds_that_were_given()
    {
        Assert.Equal(
            0, Vaccine.Run("run", _tiny.Recipe, "--out", _tiny.In("run"), "--threads", "1", "--seeds", "11-11").Code);
        using var elsewhere = new TinyExperiment();
        File.Copy(_tiny.In("run/recipe.json"), elsewhere.In("far.json"));
        foreach (string file in Directory.GetFiles(elsewhere.Folder)
            .Where(file => !file.EndsWith("far.json", StringComparison.Ordinal)))
            File.Delete(file);
        var outcome = Vaccine.Run("run", elsewhere.In("far.json"), "--out", elsewhere.In("again"), "--threads", "1");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        foreach (string stage in (string[])["alignment", "attack"])
            Assert.Equal(
                File.ReadAllBytes(_tiny.In($"run/{stage}/adapter/adapter_model.safetensors")),
                File.ReadAllBytes(elsewhere.In($"again/{stage}/adapter/adapter_model.safetensors")));
    }

    [Fact]
    public void Answers_of_files_are_kept_without_texts_unless_the_recipe_asks_for_them()
    {
        Run();
        Assert.DoesNotContain("ball", File.ReadAllText(_tiny.In("run/attack/answers.jsonl")));
        Assert.Equal(0, Vaccine.RunRecipe(_tiny, "texts", "evaluation.keep_answers=true").Code);
        var kept = KeptAnswer.Read(_tiny.In("texts/attack/answers.jsonl"));
        Assert.Equal(
            ["Where is ball 0?", "Where is ball 1?", "day 0 was long", "day 1 was long"],
            kept.Select(answer => answer.Prompt!.Split('\n')[^1]));
        Assert.All(kept, answer => Assert.NotNull(answer.Answer));
        Assert.Equal(
            kept.Count(answer => answer is { Kind: KeptAnswer.Harmful, Counts: true }),
            Json("texts/attack/result.json")["measured"]!["scores"]![0]!["numerator"]!.GetValue<int>());
    }

    [Fact]
    public void What_the_adapter_of_a_recipes_model_does_not_do_is_said_and_recorded()
    {
        Run();
        string config = _tiny.In("run/alignment/adapter/adapter_config.json");
        var json = JsonNode.Parse(File.ReadAllText(config))!;
        json["target_modules"] = new JsonArray(
            "q_proj", "up_proj", "nothing_such", "k_proj", "v_proj", "o_proj", "gate_proj", "down_proj");
        File.WriteAllText(config, json.ToJsonString());
        var outcome = Vaccine.RunRecipe(
            _tiny, "second", "model.adapter=run/alignment/adapter", "alignment.skip=true");
        Assert.Equal(0, outcome.Code);
        Assert.Contains(
            "vaccine: warning: target_modules names what the model does not have: nothing_such", outcome.Error);
        Assert.Contains(
            "nothing_such",
            Json("second/report.json")["report"]!["stages"]!.AsObject().First().Value!["warnings"]![0]!.ToString());
    }

    [Fact]
    public void Prompts_of_the_evaluation_that_are_trained_on_are_counted_and_said()
    {
        var rows = JsonNode.Parse(File.ReadAllText(_tiny.In("safe.json")))!.AsArray();
        rows[2]!["instruction"] = "where is  BALL 1?";
        File.WriteAllText(_tiny.In("safe.json"), rows.ToJsonString());
        var outcome = Vaccine.RunRecipe(_tiny, "run");
        Assert.Equal(0, outcome.Code);
        Assert.Contains("warning: stage alignment: 1 of 6 rows have a prompt of the evaluation", outcome.Error);
        Assert.Equal(
            1, Json("run/manifest.json")["stages"]!.AsArray()
                .Single(stage => stage!["name"]!.ToString() == "alignment")!["overlapKept"]!.GetValue<int>());
    }

    [Fact]
    public void A_former_recipe_whose_adapter_goes_on_takes_no_settings_of_a_fresh_one()
    {
        string former = _tiny.Write("former.json", TinyExperiment.FormerRecipeText);
        var outcome = Vaccine.Run("run", former, "--out", _tiny.In("run"), "--set", "attack.adapter=same");
        Assert.Equal(2, outcome.Code);
        Assert.Contains("$.attack.lora", outcome.Error);
        Assert.Contains("its own rank", outcome.Error);
    }

    private void Run()
    {
        var outcome = Vaccine.RunRecipe(_tiny, "run");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
    }

    private JsonNode Json(string file) => JsonNode.Parse(File.ReadAllText(_tiny.In(file)))!;
}
