using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Testing;

namespace VaccineRef.Cli.Tests;

/// <summary>What can be done with the folder of a finished run.</summary>
public sealed class RunFolderTests : IDisposable
{
    private static readonly string[] FullParameters = ["alignment.adapter=null", "attack.adapter=null"];

    private readonly TinyExperiment _tiny = new();

    public void Dispose() => _tiny.Dispose();

    public static TheoryData<string[]> Kinds => new(
        [], ["attack.adapter={\"kind\": \"same\"}"], ["alignment.adapter=null"], FullParameters, ["precision=double"],
        ["model.weights=bf16"]);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Evaluating_every_moment_of_a_run_gives_the_runs_numbers(string[] set)
    {
        Run(set);
        foreach (var (stage,
            recorded) in ((string, string)[])[("model", "model"), ("aligned", "alignment"), ("attack", "attack")])
        {
            var outcome = Vaccine.Run(
                "evaluate", _tiny.In("run"), "--stage", stage, "--json", _tiny.In("found.json"), "--save-answers",
                _tiny.In("found.jsonl"),
                "--threads", "2");
            Assert.Equal((0, ""), (outcome.Code, outcome.Error));
            var found = Json("found.json")["measured"]!;
            var run = Json($"run/{recorded}/result.json")["measured"]!;
            foreach (string name in (string[])["scores", "harmful_loss", "refusal_loss", "alignment_loss", "task_loss"])
                Assert.Equal(run[name]!.ToJsonString(), found[name]!.ToJsonString());
            var answers = KeptAnswer.Read(_tiny.In("found.jsonl"));
            Assert.All(answers, answer => Assert.NotNull(answer.Prompt));
            Assert.Equal(
                KeptAnswer.Read(_tiny.In($"run/{recorded}/answers.jsonl")),
                answers.Select(answer => answer.WithoutTexts()));
            Assert.DoesNotContain("ball", outcome.Out);
        }
    }

    [Fact]
    public void The_adapters_of_a_double_lora_give_the_runs_numbers_together_and_the_second_alone_is_refused()
    {
        Run();
        string[] ask = ["--data", _tiny.In("asked.jsonl"), "--task", "beavertails", "--max-new-tokens", "3", "--json",
            _tiny.In("found.json")];
        string first = _tiny.In("run/alignment/adapter"), second = _tiny.In("run/attack/adapter");
        Assert.Equal(
            0, Vaccine.Run(["evaluate", _tiny.In("model"), "--adapter", first, "--adapter", second, .. ask]).Code);
        var scores = Json("run/attack/result.json")["measured"]!["scores"]!.AsArray().Take(6)
            .Select(score => score!.ToJsonString());
        Assert.Equal(
            scores, Json("found.json")["measured"]!["scores"]!.AsArray().Select(score => score!.ToJsonString()));
        foreach (string[] wrong in (string[][])[[second], [second, first], [first, second, second]])
        {
            var outcome = Vaccine.Run(["evaluate", _tiny.In("model"), .. wrong.SelectMany(adapter => (string[])["--adapter", adapter]), .. ask]);
            Assert.Equal(2, outcome.Code);
            Assert.Contains("belongs to another model", outcome.Error);
        }

        Assert.Contains(
            "the model model after alignment (adapter, merged)",
            Vaccine.Run(["evaluate", _tiny.In("model"), "--adapter", second, .. ask]).Error);
    }

    [Fact]
    public void A_run_that_was_changed_is_refused_and_what_was_changed_is_named()
    {
        Run();
        foreach (var (file, says) in ((string, string)[])
        [
            ("safe.json", "not the one that the run was made with"),
            ("model/config.json", "not the one that the run was made with"),
            ("run/attack/adapter/adapter_model.safetensors", "no longer give the run's numbers"),
            ("run/attack/result.json", "no longer give the run's numbers"),
            ("run/alignment/adapter/adapter_model.safetensors", "belongs to another model"),
            ("run/recipe.json", "not what the recipe beside it computes"),
        ])
        {
            byte[] before = File.ReadAllBytes(_tiny.In(file));
            Change(file);
            var outcome = Vaccine.Run("evaluate", _tiny.In("run"), "--stage", "attacked");
            Assert.Equal(2, outcome.Code);
            Assert.Contains(says, outcome.Error);
            Assert.Contains("remedy:", outcome.Error);
            if (!file.StartsWith("run/", StringComparison.Ordinal))
                Assert.Contains(_tiny.In(file.Split('/')[0]), outcome.Error);
            File.WriteAllBytes(_tiny.In(file), before);
        }

        Assert.Equal(0, Vaccine.Run("evaluate", _tiny.In("run"), "--stage", "attacked").Code);
    }

    private void Change(string file)
    {
        if (file.EndsWith(".safetensors", StringComparison.Ordinal))
            Disturb(_tiny.In(file));
        else if (file.EndsWith("result.json", StringComparison.Ordinal))
            File.WriteAllText(
                _tiny.In(file),
                Regex.Replace(File.ReadAllText(_tiny.In(file)), "\"denominator\": ?", key => $"{key}1"));
        else if (file.EndsWith("recipe.json", StringComparison.Ordinal))
            File.WriteAllText(
                _tiny.In(file),
                File.ReadAllText(_tiny.In(file)).Replace("\"seed\": 7", "\"seed\": 8", StringComparison.Ordinal));
        else
            File.AppendAllText(_tiny.In(file), "\n");
    }

    [Fact]
    public void A_run_in_another_arithmetic_is_not_measured_again_and_can_be_asked_other_things()
    {
        Run();
        foreach (string result in Directory.GetFiles(_tiny.In("run"), "result.json", SearchOption.AllDirectories))
            File.WriteAllText(result, File.ReadAllText(result).Replace(
                "\"arithmetic\": \"cpu", "\"arithmetic\": \"abacus", StringComparison.Ordinal)
                .Replace("\"hash\": \"", "\"hash\": \"0", StringComparison.Ordinal));
        var outcome = Vaccine.Run("evaluate", _tiny.In("run"), "--stage", "attacked");
        Assert.Equal(2, outcome.Code);
        Assert.Contains("another arithmetic", outcome.Error);
        Assert.Contains("abacus", outcome.Error);
        Assert.Equal(0, Vaccine.Run(
            "evaluate", _tiny.In("run"), "--data", _tiny.In("asked.jsonl"), "--task", "beavertails", "--max-new-tokens",
            "2").Code);
    }

    [Theory]
    [InlineData("model")]
    [InlineData("aligned")]
    [InlineData("attacked")]
    [InlineData("attacked", "alignment.adapter=null", "attack.adapter=null")]
    public void An_exported_stage_answers_as_the_stage_and_hugging_faces_files_are_all_there(
        string stage, params string[] set)
    {
        Run(set);
        Assert.Equal(0, Vaccine.Run("export", _tiny.In("run"), "--stage", stage, "--to", _tiny.In("out")).Code);
        Assert.Equal(
            ["config.json", "merges.txt", "model.safetensors", "tokenizer_config.json", "vocab.json"],
            Directory.GetFiles(_tiny.In("out")).Select(Path.GetFileName).Order());
        Assert.Equal("float32", Json("out/config.json")["torch_dtype"]!.ToString());
        string[] ask = ["--prompt", "Where is ball 1?", "--max-new-tokens", "6"];
        var (run, exported) = (Vaccine.Run(["generate", _tiny.In("run"), "--stage", stage, .. ask]),
            Vaccine.Run(["generate", _tiny.In("out"), .. ask]));
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal(run, exported);
    }

    [Fact]
    public void An_option_that_does_not_fit_a_run_is_refused()
    {
        Run();
        foreach (var (option, value, says) in ((string, string, string)[])
        [
            ("--stage", "attakced", "did you mean \"attacked\""),
            ("--adapter", "run/attack/adapter", "the run's recipe says this already"),
            ("--precision", "double", "the run's recipe says this already"),
            ("--strip-prefix", "module.", "the run's recipe says this already"),
            ("--weights", "bf16", "the run's recipe says this already"),
            ("--template", "none", "the template of its recipe"),
            ("--count", "3", "--data"),
            ("--judge", "refusal-phrases", "remove it"),
        ])
        {
            var outcome = Vaccine.Run("evaluate", _tiny.In("run"), option, value);
            Assert.Equal(2, outcome.Code);
            Assert.Contains(says, outcome.Error);
        }

        Assert.Contains($"{_tiny.In("run")} --stage attack", Vaccine.Run("chat", _tiny.In("run/attack")).Error);
    }

    [Fact]
    public void What_a_grid_keeps_gives_the_grids_numbers_and_what_it_does_not_keep_is_refused()
    {
        string[] place = ["--cache", _tiny.In("cache"), "--threads", "1"];
        string grid = "grid={\"way\": {\"plain\": {\"alignment.rule\": {\"kind\": \"plain\"}}, \"Vaccine\": {}}, "
            + "\"attack.data.harmful_ratio\": [0, 0.5], \"seed\": \"3-4\"}";
        Assert.Equal(0, Vaccine.Run(
            ["run", _tiny.Recipe, "--out", _tiny.In("grid"), "--set", grid, "--set", "keep={\"stages\": [\"attack\"]}",
                .. place]).Code);
        var report = Json("grid/report.json")["report"]!;
        foreach (var trial in report["trials"]!.AsArray().Where(trial => (int)trial!["seed"]! == 3))
        {
            string hash = (string)trial!["stages"]!.AsArray()[^1]!["hash"]!;
            var outcome = Vaccine.Run(
                ["evaluate", _tiny.In("grid"), "--trial", (string)trial["condition"]!, "--trial",
                    (string)trial["attack"]!, "--json", _tiny.In("found.json"), .. place]);
            Assert.Equal((0, ""), (outcome.Code, outcome.Error));
            Assert.Equal(
                report["stages"]![hash]!["measured"]!["scores"]!.ToJsonString(),
                Json("found.json")["measured"]!["scores"]!.ToJsonString());
        }

        // aligned models are kept because attacks begin with them: one for both attacks
        Assert.Equal(
            0, Vaccine.Run(["evaluate", _tiny.In("grid"), "--trial", "vacc", "--trial", "4", "--stage", "aligned", .. place]).Code);
        Refuses("several models", "--trial", "plain");
        Refuses("has not kept", "--trial", "plain", "--trial", "50 %", "--trial", "4");
        Refuses("no trial of the grid fits", "--trial", "Booster");

        void Refuses(string expected, params string[] words)
        {
            var outcome = Vaccine.Run(["evaluate", _tiny.In("grid"), .. words, .. place]);
            Assert.Equal(2, outcome.Code);
            Assert.Contains(expected, outcome.Error);
        }
    }

    private void Run(params string[] set)
    {
        var outcome = Vaccine.RunRecipe(_tiny, "run", set);
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
    }

    private JsonNode Json(string file) => JsonNode.Parse(File.ReadAllText(_tiny.In(file)))!;

    /// <summary>Changes the last value of a file.</summary>
    private static void Disturb(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - sizeof(float)), 0.5f);
        File.WriteAllBytes(path, bytes);
    }
}
