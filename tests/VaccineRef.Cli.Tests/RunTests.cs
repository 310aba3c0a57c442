using System.Text.Json;
using VaccineRef.Testing;

namespace VaccineRef.Cli.Tests;

public sealed class RunTests : IDisposable
{
    private static readonly string[] Always =
        ["manifest.json", "recipe.json", "recipe.schema.json", "report.html", "report.json", "report.md", "model",
            "alignment", "attack"];

    private readonly TinyExperiment _tiny = new();

    public void Dispose() => _tiny.Dispose();

    public static TheoryData<string, string[], string[]> Kinds => new()
    {
        { "vaccine, double LoRA", [], ["adapter", "adapter"] },
        { "plain, single LoRA", ["alignment.rule={\"kind\": \"plain\"}", "attack.adapter={\"kind\": \"same\"}"], ["adapter", "adapter"] },
        {
            "random, full parameters",
            ["alignment.rule={\"kind\": \"random\", \"variance\": 0.01}", "alignment.adapter=null",
                "attack.adapter=null"],
            ["model", "model"]
        },
        {
            "accelerated, full then LoRA",
            ["alignment.rule={\"kind\": \"accelerated_vaccine\", \"rho\": 0.5, \"tau\": 2}", "alignment.adapter=null"],
            ["model", "adapter"]
        },
        { "double precision", ["precision=double"], ["adapter", "adapter"] },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_run_writes_its_folder(string kind, string[] set, string[] weights)
    {
        Assert.NotEmpty(kind);
        var outcome = Run("run", set);
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        string run = _tiny.In("run");
        Assert.Equal(Always.Order(), Names(run));
        foreach (var (stage, kept) in ((string[])["alignment", "attack"]).Zip(weights))
        {
            Assert.Equal(
                new[] { kept, "answers.jsonl", "result.json", "steps.jsonl" }.Order(), Names(Path.Combine(run, stage)));
            var steps = File.ReadAllLines(Path.Combine(run, stage, "steps.jsonl"))
                .Select(line => JsonDocument.Parse(line).RootElement);
            Assert.Equal([1, 2], steps.Select(line => line.GetProperty("step").GetInt32()));
        }

        var report = Report("run");
        Assert.False(report.GetProperty("interrupted").GetBoolean());
        Assert.Equal(3, report.GetProperty("stages").EnumerateObject().Count());
        Assert.Equal(0, Vaccine.Run("compare", run, run).Code);
    }

    [Fact]
    public void A_runs_own_recipe_gives_the_same_run_from_where_it_lies()
    {
        Assert.Equal(0, Run("run").Code);
        var again = Vaccine.Run(
            "run", _tiny.In("run/recipe.json"), "--out", _tiny.In("elsewhere/again"), "--threads", "1");
        Assert.Equal((0, ""), (again.Code, again.Error));
        Assert.Equal(Bits("run"), Bits("elsewhere/again"));
    }

    [Fact]
    public void The_same_seed_gives_the_same_bits_and_another_does_not()
    {
        Assert.Equal(0, Run("one").Code);
        Assert.Equal(0, Vaccine.Run("run", _tiny.Recipe, "--out", _tiny.In("two"), "--threads", "2").Code);
        Assert.Equal(0, Run("three", "seed=8").Code);
        Assert.Equal(Bits("one"), Bits("two"));
        Assert.NotEqual(Bits("one")[0], Bits("three")[0]);
    }

    [Fact]
    public void A_folder_that_holds_something_is_refused_and_untouched()
    {
        Directory.CreateDirectory(_tiny.In("run"));
        _tiny.Write("run/mine.txt", "mine");
        var outcome = Run("run");
        Assert.Equal(2, outcome.Code);
        Assert.Contains("not empty", outcome.Error);
        Assert.Equal([_tiny.In("run/mine.txt")], Directory.GetFileSystemEntries(_tiny.In("run")));
        Assert.Equal("mine", File.ReadAllText(_tiny.In("run/mine.txt")));
    }

    [Theory]
    [InlineData("--resume")]
    [InlineData]
    public void A_second_process_on_one_folder_is_refused_by_name_and_changes_nothing(params string[] more)
    {
        string[] command = ["run", _tiny.Recipe, "--out", _tiny.In("run"), "--threads", "1", .. more];
        using (new OutputLock(_tiny.In("run")))
        {
            string mark = _tiny.In($"run/{OutputLock.FileName}");
            var outcome = Vaccine.Run(command);
            Assert.Equal(2, outcome.Code);
            Assert.Contains("another process is writing to the output folder", outcome.Error);
            Assert.Contains(_tiny.In("run"), outcome.Error);
            Assert.Equal([mark], Directory.GetFileSystemEntries(_tiny.In("run")));
        }

        Assert.False(Directory.Exists(_tiny.In("run")));
        Assert.Equal(0, Vaccine.Run(command).Code);
        Assert.False(File.Exists(_tiny.In($"run/{OutputLock.FileName}")));
    }

    [Fact]
    public void A_lock_that_a_killed_process_left_behind_stops_nobody()
    {
        using var process = Vaccine.Start(
            "run", _tiny.Recipe, "--out", _tiny.In("run"), "--threads", "1", "--set",
            "attack.training.max_steps=1000000");
        string left = _tiny.In($"run/{OutputLock.FileName}"), steps = _tiny.In("run/attack/steps.jsonl");
        while (!process.HasExited && !File.Exists(steps))
            Thread.Sleep(20);
        Assert.False(process.HasExited);
        Assert.Contains("another process is writing", Run("run").Error);
        process.Kill();
        process.WaitForExit();
        Assert.True(File.Exists(left));
        var outcome = Vaccine.Run("run", _tiny.Recipe, "--out", _tiny.In("run"), "--threads", "1", "--resume");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.False(File.Exists(left));
    }

    [Fact]
    public void A_loss_that_is_no_number_stops_the_stage_says_where_and_keeps_what_was_measured_before()
    {
        var outcome = Run("run", "attack.training.learning_rate=1e30", "attack.training.max_steps=6", "attack.adapter=null",
            "attack.training.warmup_ratio=0");
        Assert.Equal(1, outcome.Code);
        Assert.Contains("is not finite at step", outcome.Error);
        Assert.Matches("first at:  +\\S+", outcome.Error);
        Assert.Matches("batch:  +", outcome.Error);
        Assert.Equal(2, Report("run").GetProperty("stages").EnumerateObject().Count());
        Assert.Single(Report("run").GetProperty("failures").EnumerateArray());
        Assert.False(Directory.Exists(_tiny.In("run/attack/model")));
    }

    [Theory]
    [InlineData("attack.objective={\"kind\": \"ewc\", \"lambda\": 10}", "EWC, lambda = 10", 6)]
    [InlineData("attack.objective={\"kind\": \"kl\", \"lambda\": 0.1, \"variant\": \"as_released\"}", "KL, lambda = 0.1, as released", 6)]
    [InlineData("attack.mixed_in={\"from\": \"alignment\", \"count\": 2}", "2 rows of alignment", 9)]
    public void A_defense_of_the_attack_is_used_and_told(string defense, string told, int steps)
    {
        var outcome = Run("run", "attack.training.max_steps=0", "attack.training.epochs=3", defense);
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.Contains(told, File.ReadAllText(_tiny.In("run/report.md")));
        Assert.Equal(steps, File.ReadAllLines(_tiny.In("run/attack/steps.jsonl")).Length);
    }

    [Theory]
    [InlineData("-INT", 130)]
    [InlineData("-TERM", 143)]
    [InlineData("-HUP", 129)]
    [InlineData("-USR2", 140)]
    public void An_interrupted_run_leaves_everything_written_and_goes_on(string signal, int code)
    {
        Vaccine.RequireInterrupts(signal);
        Assert.SkipWhen(signal == "-USR2" && !OperatingSystem.IsLinux(), "SIGUSR2 has another number on this system");
        const string Long = "attack.training.max_steps=500";
        string[] command = ["run", _tiny.Recipe, "--out", _tiny.In("run"), "--threads", "1", "--set", Long];
        using var process = Vaccine.Start(command);
        string steps = _tiny.In("run/attack/steps.jsonl");
        while (!process.HasExited && (!File.Exists(steps) || new FileInfo(steps).Length < 1000))
            Thread.Sleep(20);
        Assert.False(process.HasExited, process.HasExited ? process.StandardError.ReadToEnd() : "");
        Assert.Equal(code, Vaccine.Signal(process, signal));
        Assert.Contains("Interrupted", process.StandardOutput.ReadToEnd());
        Assert.Contains("stopping after the step under way of seed", process.StandardError.ReadToEnd());

        Assert.True(Report("run").GetProperty("interrupted").GetBoolean());
        Assert.Equal(2, Report("run").GetProperty("stages").EnumerateObject().Count());
        int done = File.ReadAllLines(steps).Length;
        Assert.All(File.ReadAllLines(steps), line => JsonDocument.Parse(line));
        Assert.Equal(
            $"checkpoint-{done:D10}.safetensors",
            Path.GetFileName(Assert.Single(Directory.GetFiles(_tiny.In("run/attack"), "checkpoint-*"))));
        Assert.True(File.Exists(_tiny.In("run/alignment/adapter/adapter_model.safetensors")));
        Assert.True(File.Exists(_tiny.In("run/report.md")));

        // another recipe is refused and changes nothing; the same goes on with the step after, and does not align again
        byte[] kept = File.ReadAllBytes(_tiny.In("run/alignment/result.json")),
            recipe = File.ReadAllBytes(_tiny.In("run/recipe.json"));
        Assert.Contains("not empty", Run("run").Error);
        Assert.Contains(
            "the recipe or a file that it names is another one",
            Vaccine.Run("run", _tiny.Recipe, "--out", _tiny.In("run"), "--resume").Error);
        Assert.Equal(recipe, File.ReadAllBytes(_tiny.In("run/recipe.json")));
        if (signal != "-USR2")
            return;                     // one of them goes on to the end: all keep the same file
        var resumed = Vaccine.Run([.. command, "--resume"]);
        Assert.Equal(
            (0, $"vaccine: stage attack goes on after step {done}{Environment.NewLine}"),
            (resumed.Code, resumed.Error));
        Assert.Equal(kept, File.ReadAllBytes(_tiny.In("run/alignment/result.json")));
        Assert.Equal(0, Run("whole", Long).Code);
        Assert.Equal(Bits("whole"), Bits("run"));
    }

    [Fact]
    public void A_folder_that_is_not_a_runs_is_refused_and_a_users_files_stay_whatever_fails()
    {
        Directory.CreateDirectory(_tiny.In("mine"));
        File.WriteAllText(_tiny.In("mine/recipe.json"), "my soup");
        string[] command = ["run", _tiny.Recipe, "--out", _tiny.In("mine"), "--threads", "1", "--resume"];
        var outcome = Vaccine.Run(command);
        Assert.Equal(2, outcome.Code);
        Assert.Contains("not that of a run", outcome.Error);
        Assert.Equal("my soup", File.ReadAllText(_tiny.In("mine/recipe.json")));

        File.Move(_tiny.In("mine/recipe.json"), _tiny.In("mine/soup.json"));
        Directory.CreateDirectory(_tiny.In("mine/empty"));
        Assert.Equal(2, Vaccine.Run([.. command, "--set", "alignment.data.path=nothing.json"]).Code);
        Assert.Equal(
            ["empty", "soup.json"], Directory.GetFileSystemEntries(_tiny.In("mine")).Select(Path.GetFileName).Order());
        Assert.Equal(0, Vaccine.Run(command).Code);
        Assert.Equal("my soup", File.ReadAllText(_tiny.In("mine/soup.json")));
        Assert.True(Directory.Exists(_tiny.In("mine/empty")));
    }

    [Fact]
    public void A_run_that_fails_at_once_takes_back_its_own_files_and_nobody_elses()
    {
        Directory.CreateDirectory(_tiny.In("mine/model/result.json"));
        string[] own = ["report.html", "report.md", "report.json"];
        foreach (string name in own)
            File.WriteAllText(_tiny.In($"mine/{name}"), "my soup");
        Assert.Equal(2, Vaccine.Run("run", _tiny.Recipe, "--out", _tiny.In("mine"), "--threads", "1", "--resume").Code);
        Assert.Equal(
            ["model", .. own.Order()],
            Directory.GetFileSystemEntries(_tiny.In("mine")).Select(Path.GetFileName).Order());
        Assert.All(own, name => Assert.Equal("my soup", File.ReadAllText(_tiny.In($"mine/{name}"))));
    }

    [Fact]
    public void A_place_where_nothing_can_be_written_is_named_with_a_remedy()
    {
        Directory.CreateDirectory(_tiny.In("run/alignment"));
        Directory.CreateDirectory(_tiny.In("run/alignment/steps.jsonl"));
        var outcome = Vaccine.Run("run", _tiny.Recipe, "--out", _tiny.In("run"), "--threads", "1", "--resume");
        Assert.Equal(1, outcome.Code);
        Assert.Contains(_tiny.In("run/alignment/steps.jsonl"), outcome.Error);
        Assert.Contains("a folder of that name", outcome.Error);
        Assert.Contains("move the folder away", outcome.Error);
    }

    [Fact]
    public void A_run_does_not_go_on_with_a_stage_of_another_recipe()
    {
        Assert.Equal(0, Run("run").Code);
        var outcome = Vaccine.Run(
            "run", _tiny.Recipe, "--out", _tiny.In("run"), "--threads", "1", "--resume", "--set", "seed=8");
        Assert.Equal(2, outcome.Code);
        Assert.Contains("not the one that belongs there", outcome.Error);
    }

    [Fact]
    public void Progress_in_a_file_is_a_line_for_each_tenth()
    {
        var outcome = Run("run", "alignment.training.max_steps=60");
        Assert.DoesNotContain('\u001b', outcome.Out);
        Assert.DoesNotContain('\r', outcome.Out);
        Assert.InRange(
            outcome.Out.Split('\n').Count(line => line.StartsWith("alignment:", StringComparison.Ordinal)), 10, 11);
        Assert.Matches(
            "alignment: loss [0-9.]+, \\|g\\| [0-9.]+, [0-9]+ tok/s, step 30 of 60, [0-9:]+ left", outcome.Out);
    }

    private Outcome Run(string folder, params string[] set) => Vaccine.RunRecipe(_tiny, folder, set);

    private static IEnumerable<string> Names(string folder) =>
        Directory.GetFileSystemEntries(folder).Select(path => Path.GetFileName(path)!).Order();

    private JsonElement Report(string folder) =>
        JsonDocument.Parse(File.ReadAllText(Path.Combine(_tiny.In(folder), "report.json"))).RootElement
            .GetProperty("report");

    /// <summary>All files that a run writes, except for what tells the time.</summary>
    private string[] Bits(string folder) =>
    [
        .. ((string[])["alignment", "attack"]).SelectMany(stage => (string[])
        [
            Convert.ToHexString(
                File.ReadAllBytes(Path.Combine(_tiny.In(folder), stage, "adapter", "adapter_model.safetensors"))),
            WithoutTimes(Path.Combine(_tiny.In(folder), stage, "result.json")),
            WithoutTimes(Path.Combine(_tiny.In(folder), stage, "steps.jsonl")),
        ]),
    ];

    private static string WithoutTimes(string path) => System.Text.RegularExpressions.Regex.Replace(
        File.ReadAllText(path), "\"(seconds|training_seconds|seconds_per_step)\": ?[0-9.eE+-]+", "");
}
