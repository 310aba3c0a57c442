using System.Text.Json;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Testing;

namespace VaccineRef.Cli.Tests;

public sealed class LabTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vaccineref-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_wrong_preset_names_those_there_are()
    {
        var outcome = Vaccine.Run("lab", "--preset", "harmful");
        Assert.Equal(2, outcome.Code);
        Assert.All(Presets.Names, preset => Assert.Contains(preset, outcome.Error));
    }

    [Fact]
    public void Init_prints_a_preset_that_runs_as_a_recipe_of_ones_own()
    {
        var printed = Vaccine.Run("init", "--preset", "harmful-ratio");
        Assert.Equal((0, ""), (printed.Code, printed.Error));
        Assert.Equal(Presets.Text("harmful-ratio"), printed.Out);
        string mine = In("mine.json");
        File.WriteAllText(
            mine, printed.Out.Replace("\"max_steps\": 600", "\"max_steps\": 3").Replace(
                "\"max_steps\": 800", "\"max_steps\": 2"));
        string[] small = [.. Small, "--set", "attack.data.samples=20", "--set", "name=mine"];
        var outcome =
            Vaccine.Run(["run", mine, "--quick", "--out", In("out"), "--cache", In("cache"), .. small.Skip(4)]);
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.Contains("EWC, lambda = 1e9", outcome.Out);
    }

    // Values that make a preset take only a few steps on few questions.
    private static readonly string[] Small =
    [
        "--set", "base.training.max_steps=3", "--set", "align.training.max_steps=2", "--set",
        "attack.training.max_steps=4", "--set",
        "world={\"test_count\":10,\"pool_count\":500,\"alignment_refusals\":20,\"alignment_helpful\":300,\"probe_count\":10}", "--set", "base.data.count=96", "--set", "report.convergence=null", "--threads", "2",
    ];

    [Fact]
    public void A_quick_run_prints_its_table_and_writes_its_report_and_the_next_one_takes_it_from_the_cache()
    {
        string[] command =
        [
            "lab", "--preset", "cost", "--quick", "--out", In("out"), "--cache", In("cache"),
            .. Small.Where((_, i) => i is not (4 or 5)),
        ];
        var outcome = Vaccine.Run(command);
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.Contains("4 stages, 0 of them kept from before", outcome.Out);
        Assert.Contains("One seed proves nothing", outcome.Out);
        Assert.Contains("report.html", outcome.Out);
        Assert.Matches(@"Vaccine, rho = 1 .* 2F 2B", outcome.Out);
        var report = JsonDocument.Parse(File.ReadAllText(In("out/report.json"))).RootElement.GetProperty("report");
        Assert.Equal(4, report.GetProperty("stages").EnumerateObject().Count());
        Assert.All(
            (string[])["report.html", "report.md"],
            name => Assert.Contains("Vaccine, rho = 1", File.ReadAllText(In($"out/{name}"))));
        Assert.False(Directory.Exists(In("out/tensorboard")));

        string[] stages = Directory.GetDirectories(In("cache"));
        Assert.Contains("4 stages, 4 of them kept from before", Vaccine.Run(command).Out);
        Assert.Equal(stages, Directory.GetDirectories(In("cache")));
        Assert.Equal(0, Vaccine.Run("compare", In("out")).Code);
    }

    [Fact]
    public void An_interrupted_grid_exits_130_and_leaves_whole_files_only()
    {
        Vaccine.RequireInterrupts("-INT");
        using var process = Vaccine.Start(
            "lab", "--preset", "harmful-ratio", "--quick", "--out", In("out"), "--cache", In("cache"), "--threads", "1",
            "--set", "base.training.max_steps=20");
        while (!process.HasExited && (!Directory.Exists(In("cache"))
            || Directory.GetFiles(In("cache"), "result.json", SearchOption.AllDirectories).Length < 2))
            Thread.Sleep(20);
        Assert.False(process.HasExited, process.HasExited ? process.StandardError.ReadToEnd() : "");
        Assert.Equal(130, Vaccine.Signal(process, "-INT"));
        Assert.True(JsonDocument.Parse(File.ReadAllText(In("out/report.json"))).RootElement.GetProperty("report")
            .GetProperty("interrupted").GetBoolean());
        Assert.All(
            Directory.GetFiles(In("cache"), "*.json", SearchOption.AllDirectories),
            file => JsonDocument.Parse(File.ReadAllText(file)));
        Assert.DoesNotContain(
            Directory.EnumerateFileSystemEntries(_folder, "*.tmp", SearchOption.AllDirectories), _ => true);
    }

    [Fact]
    public void A_run_leaves_a_page_and_event_files_where_they_are_asked_for()
    {
        var outcome = Vaccine.Run(
            ["lab", "--preset", "harmful-ratio", "--quick", "--tensorboard", "--out", In("out"), "--cache", In("cache"),
                "--set", "attack.data.samples=20", .. Small]);
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.StartsWith(
            "<!DOCTYPE html>", File.ReadAllText(In("out/report.html")), StringComparison.OrdinalIgnoreCase);
        Assert.Contains("What the attacked models answer: 3 of the 10 held-out harmful questions", outcome.Out);
        Assert.Contains("What the attacked models answer", File.ReadAllText(In("out/report.html")));
        // the base model, two alignments, and six attacks
        Assert.Equal(9, Directory.GetFiles(In("out/tensorboard"), "*tfevents*", SearchOption.AllDirectories).Length);
    }

    [Fact]
    public void A_recipe_takes_the_place_of_a_preset_and_yields_the_same_report()
    {
        using var tiny = new TinyExperiment();
        string former = tiny.Write("former.json", TinyExperiment.FormerRecipeText);
        string[] command =
        [
            "lab", "--recipe", former, "--set", "lab.harmful_ratios=[0,0.5]", "--set", "lab.least_refused=0",
            "--seeds", "2",
            "--tensorboard", "--out", In("out"), "--cache", In("cache"), "--threads", "2",
        ];
        var outcome = Vaccine.Run(command);
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        // for each of two seeds: the model, two alignments, and two attacks on each alignment
        Assert.Contains("14 stages, 0 of them kept from before", outcome.Out);
        Assert.Contains("refusal phrases", outcome.Out);
        Assert.All(
            (string[])["report.html", "report.md"],
            name => Assert.Contains("Vaccine, rho = 0.5", File.ReadAllText(In($"out/{name}"))));
        Assert.Equal(12, Directory.GetFiles(In("out/tensorboard"), "*tfevents*", SearchOption.AllDirectories).Length);
        Assert.Contains("14 stages, 14 of them kept from before", Vaccine.Run(command).Out);
    }

    [Theory]
    [InlineData("lab takes either --preset or --recipe")]
    [InlineData("lab takes either --preset or --recipe", "--preset", "rho", "--recipe", "recipe.json")]
    [InlineData("unknown key", "--preset", "rho", "--set", "align.samples=[4]")]
    [InlineData("the recipe cannot be read", "--recipe", "nowhere.json")]
    public void A_preset_and_a_recipe_do_not_mix(string says, params string[] options)
    {
        var outcome = Vaccine.Run(["lab", .. options]);
        Assert.Equal(2, outcome.Code);
        Assert.Contains(says, outcome.Error);
    }

    [Theory]
    [InlineData("3", "10 11 12")]
    [InlineData("10-12", "10 11 12")]
    [InlineData("7,3,7", "7 3")]
    [InlineData("0", "")]
    [InlineData("12-10", "")]
    [InlineData("1,x", "")]
    [InlineData("-3", "")]
    public void Seeds_are_a_number_a_list_or_a_range(string text, string seeds) =>
        Assert.Equal(seeds, string.Join(' ', SeedOption.Of(text)));

    private string In(string name) => Path.Combine(_folder, name);
}
