using System.Text.Json;
using VaccineRef.Testing;

namespace VaccineRef.Cli.Tests;

public sealed class CommandTests
{
    private static readonly string Case = Path.Combine(Repository.Root, "tests", "golden", "llama_mha");

    [Fact]
    public void Version_is_printed()
    {
        var outcome = Vaccine.Run("--version");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.Matches(@"^\d+\.\d+\.\d+", outcome.Out);
    }

    [Fact]
    public void The_bare_name_prints_help_and_where_to_start()
    {
        var outcome = Vaccine.Run();
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.All(
            ["Commands:", "demo", "Examples:", "vaccine demo --quick"],
            text => Assert.Contains(text, outcome.Out, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("plan", "<recipe>", "-o", "--seeds", "--set", "--quick", "--no-time", "--device")]
    [InlineData("work", "<plan>", "--slice", "--level", "--cache", "--device", "--threads")]
    [InlineData("report", "<plan>", "--cache", "--out", "--tensorboard", "--device")]
    [InlineData(
        "slurm", "<recipe>", "--seeds", "--set", "--quick", "--partition", "--time", "--gpus", "--mem", "--chunk",
        "--dry-run", "--wait", "--out",
        "--cache", "--device", "--threads")]
    public void Help_of_what_lab_has_is_complete(string command, params string[] names)
    {
        var outcome = Vaccine.Run("lab", command, "--help");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.All(names, name => Assert.Contains(name, outcome.Out));
        string[] examples = outcome.Out.Split("Examples:\n")[1].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, examples.Length);
        Assert.All(examples, example => Assert.Contains($"vaccine lab {command} ", example, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("demo", "--quick", "--seeds", "--out", "--cache", "--threads")]
    [InlineData("lab", "--preset", "harmful-ratio", "all", "--recipe", "--set", "--seeds", "--quick", "--out", "--cache", "--threads", "--device")]
    [InlineData("run", "<recipe>", "--set", "--seeds", "--quick", "--resume", "--out", "--threads")]
    [InlineData("lab", "plan", "work", "report", "slurm")]
    [InlineData("init", "--preset", "--model", "--data", "--task", "--out")]
    [InlineData("schema", "--out")]
    [InlineData("plan", "<recipe>", "--set", "--seeds", "--quick", "--no-time", "--json", "--device")]
    [InlineData(
        "evaluate", "<model>", "--stage", "--adapter", "--save-answers", "--json", "Examples:", "--data", "--task",
        "--count", "--max-new-tokens", "--template",
        "--precision", "--weights", "--judge", "--judge-model", "--threshold", "--world-seed")]
    [InlineData(
        "judge", "--on", "--judge", "refusal-phrases, synthetic, moderation", "--judge-model", "--threshold",
        "--world-seed", "--weights", "--device")]
    [InlineData("chat", "<model>", "--stage", "--adapter", "--template", "--max-new-tokens", "--temperature", "Examples:")]
    [InlineData("generate", "<model>", "--stage", "--prompt", "--file", "--output", "--top-p", "--seed", "Examples:")]
    [InlineData("export", "<model>", "--stage", "--to", "--dtype", "Examples:")]
    [InlineData("compare", "<runs>", "--each", "--markdown", "Examples:")]
    [InlineData("conform", "kit", "check", "run")]
    [InlineData(
        "laws", "--op", "--rule", "--port", "--seed", "--max-test", "--device", "--threads", "Examples:",
        "vaccine laws --device", "vaccine laws --port")]
    [InlineData("verify", "--golden", "--precision", "--json", "--threads")]
    [InlineData("bench", "--vocab", "--hidden", "--layers", "--heads", "--kv-heads", "--ffn", "--batch", "--length", "--lora", "--weights", "--device", "--threads", "--matmul", "--steps", "--recompute", "--generate", "--prompts", "--model", "--json")]
    [InlineData("devices")]
    [InlineData("completion", "bash", "zsh", "Examples:")]
    public void Help_is_complete(string command, params string[] names)
    {
        var outcome = Vaccine.Run(command, "--help");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.All(names, name => Assert.Contains(name, outcome.Out));
        Assert.Contains(command, Vaccine.Run("--help").Out);
        string[] examples = outcome.Out.Split("Examples:\n")[1].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, examples.Length);
        Assert.All(examples, example => Assert.Contains("vaccine ", example, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("knows no command demmo; did you mean \"demo\"?", "demmo")]
    [InlineData("knows no command sst2\n", "sst2")]
    [InlineData("run knows no option --outt; did you mean \"--out\"?", "run", "r.json", "--outt", "x")]
    [InlineData("--output is called --out", "run", "r.json", "--output", "x")]
    [InlineData("--output is called --out", "lab", "--preset", "demo", "--output=x")]
    [InlineData("run knows no option --far-from-all\n", "run", "r.json", "--far-from-all")]
    public void An_unknown_word_is_named_with_what_was_probably_meant(string says, params string[] words)
    {
        var outcome = Vaccine.Run(words);
        Assert.Equal(2, outcome.Code);
        Assert.Contains(says, outcome.Error, StringComparison.Ordinal);
        Assert.Single(outcome.Error.Split('\n'), line => line.StartsWith("vaccine:", StringComparison.Ordinal));
    }

    /// <summary>One name has one meaning in every command.</summary>
    [Fact]
    public void Options_of_one_name_take_the_same()
    {
        var shapes = new Dictionary<string, HashSet<string>>();
        foreach (string command in (string[])["demo", "init", "schema", "plan", "run", "lab", "evaluate", "judge",
            "compare", "verify", "bench", "devices", "conform check", "conform run"])
            foreach (string line in Vaccine.Run([.. command.Split(' '), "--help"]).Out.Split('\n')
                .Where(line => line.StartsWith("  --", StringComparison.Ordinal)))
            {
                string[] words = line.Trim().Split("  ")[0].Split(' ');
                if (!shapes.TryGetValue(words[0], out var found))
                    shapes.Add(words[0], found = []);
                found.Add(words.Length > 1 ? "a value" : "none");
            }

        Assert.True(shapes.Count > 30);
        Assert.Empty(shapes.Where(shape => shape.Value.Count > 1).Select(shape => shape.Key));
    }

    [Fact]
    public void Devices_names_the_processor()
    {
        var outcome = Vaccine.Run("devices");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.Contains("cpu", outcome.Out);
    }

    [Fact]
    public void Bench_prints_json()
    {
        var outcome = Vaccine.Run(
            "bench", "--vocab", "32", "--hidden", "8", "--layers", "1", "--heads", "2", "--kv-heads", "1", "--ffn",
            "12", "--batch", "2",
            "--length", "6", "--lora", "2", "--weights", "bf16", "--threads", "1", "--steps", "3", "--json");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        var result = JsonDocument.Parse(outcome.Out).RootElement;
        Assert.Equal(12, result.GetProperty("tokens").GetInt32());
        Assert.Equal(3, result.GetProperty("steps").GetInt32());
        Assert.Equal("1 thread", result.GetProperty("device").GetString());
        foreach (string step in new[] { "plain", "vaccine" })
            Assert.True(result.GetProperty(step).GetProperty("median_ms").GetDouble() >= result.GetProperty(step)
                .GetProperty("min_ms").GetDouble());
    }

    [Fact]
    public void Bench_times_decoding()
    {
        var outcome = Vaccine.Run(
            "bench", "--vocab", "32", "--hidden", "8", "--layers", "1", "--heads", "2", "--ffn", "12", "--generate",
            "5", "--prompts",
            "3", "--threads", "1", "--steps", "2", "--json");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        var result = JsonDocument.Parse(outcome.Out).RootElement;
        Assert.Equal((3, 5, 2), (Number("prompts"), Number("tokens"), Number("runs")));
        Assert.InRange(result.GetProperty("tokens_per_second").GetDouble(), 1, result.GetProperty("best").GetDouble());
        int Number(string name) => result.GetProperty(name).GetInt32();
    }

    [Fact]
    public void Verify_passes_on_a_golden_case()
    {
        using var folder = new TempCase(null);
        var outcome = Vaccine.Run("verify", "--golden", Case, "--json", folder.File("found.json"), "--threads", "2");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        var rows = JsonDocument.Parse(File.ReadAllText(folder.File("found.json"))).RootElement.EnumerateArray()
            .ToArray();
        Assert.True(rows.Length > 10);
        Assert.All(rows, row => Assert.True(row.GetProperty("passed").GetBoolean()));
        Assert.DoesNotContain("FAIL", outcome.Out);
    }

    [Fact]
    public void Verify_fails_on_a_damaged_number()
    {
        using var damaged = new TempCase(Case);
        byte[] weights = File.ReadAllBytes(damaged.File("model.safetensors"));
        BitConverter.TryWriteBytes(weights.AsSpan(weights.Length - sizeof(double)), 0.123);
        File.WriteAllBytes(damaged.File("model.safetensors"), weights);
        var outcome = Vaccine.Run(
            "verify", "--golden", damaged.Path, "--json", damaged.File("found.json"), "--threads", "2");
        Assert.Equal((1, ""), (outcome.Code, outcome.Error));
        Assert.Contains("FAIL", outcome.Out);
        Assert.Contains("\"passed\": false", File.ReadAllText(damaged.File("found.json")));
    }

    [Theory]
    [InlineData("manifest.json", "{}")]
    [InlineData("manifest.json", "no JSON")]
    [InlineData("batches.safetensors", "")]
    public void Verify_refuses_a_case_that_is_none(string file, string content)
    {
        using var damaged = new TempCase(Case);
        File.WriteAllText(damaged.File(file), content);
        var outcome = Vaccine.Run("verify", "--golden", damaged.Path);
        Assert.Equal(2, outcome.Code);
        Assert.Contains(damaged.Path, outcome.Error);
    }

    [Fact]
    public void Verify_refuses_a_folder_without_cases()
    {
        using var empty = new TempCase(null);
        var outcome = Vaccine.Run("verify", "--golden", empty.Path);
        Assert.Equal(2, outcome.Code);
        Assert.Contains("no golden case", outcome.Error);
    }

    [Fact]
    public void A_table_too_wide_is_turned_and_never_broken()
    {
        using var writer = new StringWriter();
        var console = Spectre.Console.AnsiConsole.Create(new() { Out = new Spectre.Console.AnsiConsoleOutput(writer) });
        console.Profile.Width = 40;
        string[] header = ["run", "a long name", "another long name"];
        Tables.Write(
            console, header,
            Enumerable.Range(0, 5).Select(row => (string[])[$"run {row}", $"{row}{row}{row}", "12/34 (35.3)"]));
        string[] lines = [.. writer.ToString().Split('\n').Select(line => line.TrimEnd())];
        Assert.All(lines, line => Assert.InRange(line.Length, 0, 40));
        Assert.All(Enumerable.Range(0, 5), row => Assert.Contains($"run {row}", writer.ToString()));
        Assert.Equal(5, string.Concat(lines).Split("12/34 (35.3)").Length - 1);
    }

    private sealed class TempCase : IDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vaccineref-");

        public TempCase(string? copyOf)
        {
            foreach (string file in copyOf is null ? [] : Directory.GetFiles(copyOf))
                System.IO.File.Copy(file, File(System.IO.Path.GetFileName(file)));
        }

        public string Path => _folder.FullName;

        public string File(string name) => System.IO.Path.Combine(Path, name);

        public void Dispose() => _folder.Delete(recursive: true);
    }
}
