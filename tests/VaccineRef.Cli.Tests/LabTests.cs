using System.Text.Json;
using VaccineRef.Experiments.Lab;
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
        Assert.All(LabPresets.Known, preset => Assert.Contains(preset.Name, outcome.Error));
        Assert.Contains(LabPresets.All, outcome.Error);
    }

    [Fact]
    public void A_quick_run_prints_its_table_and_writes_its_report_and_the_next_one_takes_it_from_the_cache()
    {
        string[] command = ["lab", "--preset", "cost", "--quick", "--out", In("out"), "--cache", In("cache"), "--threads", "2"];
        var outcome = Vaccine.Run(command);
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.Contains("3 cells, 0 of them from the cache", outcome.Out);
        Assert.Contains("One seed proves nothing", outcome.Out);
        Assert.Contains("report.html", outcome.Out);
        Assert.Matches(@"Vaccine, rho = 1 .* 2F 2B", outcome.Out);
        var report = JsonDocument.Parse(File.ReadAllText(In("out/report.json"))).RootElement.GetProperty("report");
        Assert.Equal(3, report.GetProperty("results").GetArrayLength());
        Assert.All((string[])["report.html", "report.md"], name => Assert.Contains("Vaccine, rho = 1", File.ReadAllText(In($"out/{name}"))));
        Assert.False(Directory.Exists(In("out/tensorboard")));

        string[] cells = Directory.GetFiles(In("cache/cells"));
        Assert.Contains("3 cells, 3 of them from the cache", Vaccine.Run(command).Out);
        Assert.Equal(cells, Directory.GetFiles(In("cache/cells")));
    }

    [Fact]
    public void An_interrupted_run_exits_130_and_leaves_whole_files_only()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are sent with kill");
        using var process = Vaccine.Start(
            "lab", "--preset", "harmful-ratio", "--quick", "--out", In("out"), "--cache", In("cache"), "--threads", "1");
        while (!process.HasExited && (!Directory.Exists(In("cache/cells")) || Directory.GetFiles(In("cache/cells"), "*.json").Length == 0))
            Thread.Sleep(20);
        Assert.False(process.HasExited, process.HasExited ? process.StandardError.ReadToEnd() : "");
        Assert.Equal(130, Vaccine.Signal(process, "-INT"));
        Assert.False(Directory.Exists(In("out")));
        Assert.All(Directory.GetFiles(In("cache/cells")), file => JsonDocument.Parse(File.ReadAllText(file)));
        Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(_folder, "*.tmp", SearchOption.AllDirectories), _ => true);
    }

    [Fact]
    public void A_run_leaves_a_page_and_event_files_where_they_are_asked_for()
    {
        var outcome = Vaccine.Run("lab", "--preset", "harmful-ratio", "--quick", "--tensorboard", "--out", In("out"), "--cache", In("cache"));
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.StartsWith("<!DOCTYPE html>", File.ReadAllText(In("out/report.html")), StringComparison.OrdinalIgnoreCase);
        Assert.Equal(6, Directory.GetFiles(In("out/tensorboard"), "*tfevents*", SearchOption.AllDirectories).Length);
    }

    [Fact]
    public void A_recipe_takes_the_place_of_a_preset_and_yields_the_same_report()
    {
        using var tiny = new TinyExperiment();
        string[] command =
        [
            "lab", "--recipe", tiny.Recipe, "--set", "lab.harmful_ratios=[0,0.5]", "--set", "lab.least_refused=0", "--seeds", "2",
            "--tensorboard", "--out", In("out"), "--cache", In("cache"), "--threads", "2",
        ];
        var outcome = Vaccine.Run(command);
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.Contains("14 cells, 0 of them from the cache", outcome.Out);
        Assert.Contains("The judge is a list of refusal phrases", outcome.Out);
        var report = JsonDocument.Parse(File.ReadAllText(In("out/report.json"))).RootElement.GetProperty("report");
        Assert.Equal(14, report.GetProperty("results").GetArrayLength());
        Assert.Equal(JsonValueKind.Null, report.GetProperty("settings").GetProperty("synthetic").ValueKind);
        Assert.All((string[])["report.html", "report.md"], name => Assert.Contains("Vaccine, rho = 0.5", File.ReadAllText(In($"out/{name}"))));
        Assert.Equal(8, Directory.GetFiles(In("out/tensorboard"), "*tfevents*", SearchOption.AllDirectories).Length);
        Assert.Contains("14 cells, 14 of them from the cache", Vaccine.Run(command).Out);
    }

    [Theory]
    [InlineData("lab takes either --preset or --recipe")]
    [InlineData("lab takes either --preset or --recipe", "--preset", "rho", "--recipe", "recipe.json")]
    [InlineData("--neutral-style is of the synthetic world", "--recipe", "recipe.json", "--neutral-style", "0.1")]
    [InlineData("--set is for --recipe", "--preset", "rho", "--set", "lab.samples=[4]")]
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
    public void Seeds_are_a_number_a_list_or_a_range(string text, string seeds) => Assert.Equal(seeds, string.Join(' ', SeedOption.Of(text)));

    private string In(string name) => Path.Combine(_folder, name);
}
