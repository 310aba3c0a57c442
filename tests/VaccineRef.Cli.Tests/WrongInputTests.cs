using System.Diagnostics;
using VaccineRef.Testing;

namespace VaccineRef.Cli.Tests;

/// <summary>
/// Every mistake of a user leads to exit code 2 and to a message that says where the mistake is. No files are left
/// behind.
/// </summary>
public sealed class WrongInputTests : IDisposable
{
    private readonly TinyExperiment _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Theory]
    [InlineData("alignment.rule.rhoo=1", "$.stages[0].rule.rhoo", "\"rho\"")]
    [InlineData("evaluatio.top_p=1", "$.evaluatio", "\"evaluation\"")]
    [InlineData("model.path=nowhere", "nowhere")]
    [InlineData("alignment.data.path=nowhere.json", "nowhere.json")]
    [InlineData("alignment.rule.rho=-1", "rho", "-1")]
    [InlineData("alignment.training.batch_size=0", "$.stages[0].training.batch_size", "at least 1")]
    [InlineData("alignment.adapter.targets=[\"nothing_such\"]", "nothing_such", "q_proj")]
    [InlineData("attack.adapter.targets=[\"nothing_such\"]", "nothing_such")]
    [InlineData("attack.data.samples=100", "too few")]
    [InlineData("attack.data.harmful_ratio=1.5", "$.stages[1].data.harmful_ratio")]
    [InlineData("evaluation.harmful_tokens=5000", "prompt")]
    [InlineData("max_length=20", "max")]
    [InlineData("evaluation.judge={\"kind\": \"jury\"}", "$.evaluation.judge.kind", "refusal-phrases, synthetic, moderation")]
    [InlineData("evaluation.judge={\"kind\": \"refusal-phrases\", \"path\": \"model\"}", "$.evaluation.judge.path")]
    [InlineData("attack.training.max_steps=1", "the learning rate is 0 in every step", "$.stages[1].training.warmup_ratio")]
    [InlineData("attack.training={\"epochs\": 1, \"batch_size\": 4}", "the learning rate is 0 in every step", "attack.training.warmup_ratio")]
    [InlineData("attack.adapter={\"kind\": \"same\", \"rank\": 4}", "$.stages[1].adapter.rank", "this kind has none")]
    [InlineData("alignment.adapter=null", "$.stages[1].adapter", "attack.adapter={\"kind\": \"same\"}")]
    public void A_wrong_recipe(string set, string named, string? more = null)
    {
        string[] second = more is { } value && value.Contains('=') ? ["--set", value] : [];
        var outcome = Refused(["run", _tiny.Recipe, "--out", _tiny.In("run"), "--set", set, .. second]);
        Assert.Contains(named, outcome.Error);
        if (second.Length == 0 && more is not null)
            Assert.Contains(more, outcome.Error);
    }

    [Fact]
    public void A_recipe_that_is_not_there() =>
        Assert.Contains("nowhere.json", Refused("run", _tiny.In("nowhere.json")).Error);

    [Fact]
    public void An_empty_data_set()
    {
        _tiny.Write("safe.json", "[]");
        Assert.Contains("safe.json", RunRefused().Error);
    }

    [Fact]
    public void A_configuration_of_another_family()
    {
        _tiny.Write("model/config.json", TinyExperiment.Config.Replace("\"llama\"", "\"mamba\""));
        var error = RunRefused().Error;
        Assert.Contains("mamba", error);
        Assert.Contains("expected:", error);
    }

    [Fact]
    public void A_configuration_of_another_shape()
    {
        _tiny.Write("model/config.json", TinyExperiment.Config.Replace("\"hidden_size\": 8", "\"hidden_size\": 16"));
        Assert.Contains("found:", RunRefused().Error);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(100)]
    [InlineData(-1)]
    public void A_truncated_checkpoint(int length)
    {
        string path = _tiny.In("model/model.safetensors");
        byte[] whole = File.ReadAllBytes(path);
        File.WriteAllBytes(path, whole[..(length < 0 ? whole.Length - 1 : length)]);
        Assert.Contains("model.safetensors", RunRefused().Error);
    }

    [Fact]
    public void A_checkpoint_in_pickle_only()
    {
        File.Move(_tiny.In("model/model.safetensors"), _tiny.In("model/pytorch_model.bin"));
        Assert.Contains("pytorch_model.bin", RunRefused().Error);
    }

    [Fact]
    public void A_model_without_tokenizer()
    {
        File.Delete(_tiny.In("model/vocab.json"));
        Assert.Contains("tokenizer", RunRefused().Error);
    }

    [Fact]
    public void A_place_that_cannot_be_written()
    {
        var outcome = Refused("run", _tiny.Recipe, "--out", _tiny.In("recipe.json/run"));
        Assert.Contains("cannot be written", outcome.Error);
        Assert.Contains("remedy:", outcome.Error);
    }

    [Theory]
    [InlineData("run")]
    [InlineData("run", "a.json", "--unknown", "1")]
    [InlineData("bench", "--hidden", "0")]
    [InlineData("bench", "--hidden", "8", "--heads", "3")]
    [InlineData("bench", "--threads", "-1")]
    [InlineData("bench", "--steps", "many")]
    [InlineData("bench", "--model", "nowhere")]
    [InlineData("bench", "--model", "nowhere", "--generate", "4")]
    [InlineData("verify")]
    [InlineData("verify", "--golden", "nowhere")]
    [InlineData("verify", "--golden", ".", "--precision", "half")]
    [InlineData("compare")]
    [InlineData("conform", "check")]
    [InlineData("conform", "check", "nowhere")]
    [InlineData("conform", "run")]
    [InlineData("conform", "run", "--port", "true", "--kit", "nowhere")]
    [InlineData("compare", "nowhere")]
    [InlineData("evaluate", "nowhere", "--data", "x", "--task", "sst2")]
    [InlineData("evaluate", "nowhere", "--data", "x", "--task", "chess")]
    [InlineData("evaluate", "nowhere", "--data", "x", "--task", "sst2", "--judge", "refusal-phrases")]
    [InlineData("judge")]
    [InlineData("judge", "--on", "nowhere.csv")]
    [InlineData("judge", "--on", "nowhere.csv", "--judge", "jury")]
    [InlineData("judge", "--on", "nowhere.csv", "--judge", "moderation")]
    [InlineData("judge", "--on", "nowhere.csv", "--judge", "synthetic")]
    [InlineData("judge", "--on", "nowhere.csv", "--threshold", "0.5")]
    [InlineData("lab")]
    [InlineData("lab", "--preset", "table-1")]
    [InlineData("lab", "--preset", "rho", "--seeds", "0")]
    [InlineData("lab", "--preset", "rho", "--seeds", "12-10")]
    [InlineData("lab", "--preset", "rho", "--seeds", "ten")]
    [InlineData("lab", "--preset", "rho", "--set", "world.neutral_style_share=1.5")]
    [InlineData("init", "--preset", "nothing")]
    [InlineData("demo", "--seeds", "1,,x")]
    [InlineData("nothing")]
    public void A_wrong_command_line(params string[] args) => Refused(args);

    [Fact]
    public void A_full_disk()
    {
        string disk = Directory.CreateDirectory(_tiny.In("disk")).FullName;
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && Mount("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", disk),
            "only root can mount a file system that is full");
        try
        {
            var outcome = Refused(
                "run", _tiny.Recipe, "--out", Path.Combine(disk, "run"), "--set", "alignment.training.max_steps=200");
            Assert.Contains("written", outcome.Error);
            Assert.Contains("remedy:", outcome.Error);
            string run = Path.Combine(disk, "run");
            string steps = Path.Combine(run, "alignment", "steps.jsonl");
            Assert.DoesNotContain(Directory.EnumerateFiles(disk, "*.tmp", SearchOption.AllDirectories), _ => true);
            if (File.Exists(steps))
                Assert.All(File.ReadAllLines(steps), line => System.Text.Json.JsonDocument.Parse(line));
            Assert.False(File.Exists(Path.Combine(run, "report.json")));
        }
        finally
        {
            Mount("umount", disk);
        }
    }

    [Fact]
    public void A_disk_that_is_mounted_read_only()
    {
        string disk = Directory.CreateDirectory(_tiny.In("disk")).FullName;
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && Mount("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", disk),
            "only root can mount a file system that is read-only");
        try
        {
            foreach (string[] command in (string[][])
                [["run", _tiny.Recipe, "--out"], ["lab", "--recipe", _tiny.Recipe, "--cache", _tiny.In("cache"), "--out"], ["lab", "plan", _tiny.Recipe, "--no-time", "-o"]])
            {
                var outcome = Refused([.. command, Path.Combine(disk, "run")]);
                Assert.Contains("read-only", outcome.Error, StringComparison.OrdinalIgnoreCase);
                Assert.Contains("remedy:", outcome.Error, StringComparison.Ordinal);
                Assert.Empty(Directory.EnumerateFileSystemEntries(disk));
            }
        }
        finally
        {
            Mount("umount", disk);
        }
    }

    private Outcome RunRefused() => Refused("run", _tiny.Recipe, "--out", _tiny.In("run"));

    /// <summary>Expects exit code 2, a message, and no folder of a run.</summary>
    private Outcome Refused(params string[] args)
    {
        var outcome = Vaccine.Run(args);
        Assert.Equal(2, outcome.Code);
        Assert.StartsWith("vaccine: ", outcome.Error);
        Assert.DoesNotContain("   at VaccineRef.", outcome.Error);
        Assert.False(Directory.Exists(_tiny.In("run")));
        return outcome;
    }

    private static bool Mount(string command, params string[] args)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(command, args) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
