using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VaccineRef.Testing;

namespace VaccineRef.Cli.Tests;

/// <summary>
/// Real processes under a real launcher, Open MPI's and MPICH's, where Debian's packages are installed.
/// </summary>
public sealed partial class MpiTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly string _folder = Directory.CreateTempSubdirectory("vaccineref-").FullName;

    public MpiTests()
    {
        var recipe = JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "tests", "kill", "single.json")))!;
        foreach (var stage in recipe["stages"]!.AsArray())
        {
            stage!["training"]!["batch_size"] = 2;
            stage["training"]!["accumulation"] = 4;
            if (stage["training"]!["max_steps"] is not null)
                stage["training"]!["max_steps"] = 4;
            else
                stage["training"]!["epochs"] = 1;
        }

        recipe["evaluation"] = JsonNode.Parse("""{ "kind": "world", "curve_points": 1, "perturbation_points": 2 }""");
        recipe["checkpoint"] = JsonNode.Parse("""{ "every_steps": 1 }""");
        File.WriteAllText(In("recipe.json"), recipe.ToJsonString());
    }

    private static string[] Program => ["dotnet", Path.Combine(AppContext.BaseDirectory, "vaccine.dll")];

    public static TheoryData<string, string> Launchers => new()
    {
        { "mpirun.openmpi", "openmpi-bin libopenmpi3" },
        { "mpiexec.hydra", "mpich" },
    };

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>
    /// One process with four micro-batches, two with two: the files are the same but for times and what a process
    /// holds.
    /// </summary>
    [Theory]
    [MemberData(nameof(Launchers))]
    public void Processes_find_the_bits_of_one(string launcher, string packages)
    {
        Require(launcher, packages);
        Assert.Equal(ExitCode.Done, Vaccine.Run("run", In("recipe.json"), "--out", In("one"), "--threads", "1").Code);
        var (code, output) = Launch(launcher, 2, "run", In("recipe.json"), "--out", In("two"), "--threads", "1");
        Assert.True(code == ExitCode.Done, output);
        RequireSame("one", "two");
    }

    /// <summary>
    /// A run of two processes is stopped, and goes on with one. Who was killed is said by the launcher: by its number
    /// (Open MPI) or by that of its process (MPICH). From which step the run goes on is said when it does.
    /// </summary>
    [Theory]
    [MemberData(nameof(Launchers))]
    public void A_rank_that_is_killed_ends_all_and_another_number_of_ranks_goes_on(string launcher, string packages)
    {
        Require(launcher, packages);
        Assert.Equal(ExitCode.Done, Vaccine.Run("run", In("recipe.json"), "--out", In("one"), "--threads", "1").Code);
        using (var job = Start(launcher, 2, "run", In("recipe.json"), "--out", In("two"), "--threads", "1"))
        {
            var kept = Stopwatch.StartNew();
            while (!Directory.Exists(In("two"))
                || Directory.GetFiles(In("two"), "checkpoint-*", SearchOption.AllDirectories).Length == 0)
            {
                Assert.False(job.HasExited || kept.Elapsed > Patience, "nothing was kept");
                Thread.Sleep(5);
            }

            int victim = Ranks(job)[^1];
            Process.Start("kill", ["-KILL", $"{victim}"]).WaitForExit();
            Assert.True(job.WaitForExit(Patience), "the other rank waits for ever");
            Assert.NotEqual(ExitCode.Done, job.ExitCode);
            string said = job.StandardOutput.ReadToEnd() + job.StandardError.ReadToEnd();
            Assert.Contains(
                launcher == "mpirun.openmpi" ? "process rank 1 " : $"PID {victim} ", said, StringComparison.Ordinal);
            Assert.DoesNotContain("should not have happened", said, StringComparison.Ordinal);
        }

        var resumed = Vaccine.Run("run", In("recipe.json"), "--out", In("two"), "--threads", "1", "--resume");
        Assert.Equal(ExitCode.Done, resumed.Code);
        Assert.Matches("goes on after step [0-9]+", resumed.Out + resumed.Error);
        RequireSame("one", "two");
    }

    /// <summary>
    /// Rank 1 cannot read its recipe, which rank 0 can: rank 0 waits for it in the first exchange, and is ended with it
    /// (MPI_Abort).
    /// </summary>
    [Theory]
    [MemberData(nameof(Launchers))]
    public void What_goes_wrong_on_one_rank_alone_ends_all_with_its_words(string launcher, string packages)
    {
        Require(launcher, packages);
        string[] Of(string recipe) => ["run", In(recipe), "--out", In("two"), "--threads", "1"];
        var (code,
            output) = Launch(launcher, 1, [.. Of("recipe.json"), ":", "-n", "1", .. Program, .. Of("missing.json")]);
        Assert.True(code == ExitCode.WrongInput, $"exit code {code}: {output}");
        Assert.Contains("vaccine: on rank 1 of 2: ", output, StringComparison.Ordinal);
        Assert.Contains(In("missing.json"), output, StringComparison.Ordinal);
        Assert.DoesNotContain("on rank 0", output, StringComparison.Ordinal);
        Assert.Empty(
            Directory.Exists(In("two")) ? Directory.GetFiles(In("two"), "*.tmp", SearchOption.AllDirectories) : []);
    }

    [Theory]
    [MemberData(nameof(Launchers))]
    public void What_is_wrong_is_said_once_with_its_code(string launcher, string packages)
    {
        Require(launcher, packages);
        var (code, output) = Launch(
            launcher, 2, "run", In("recipe.json"), "--out", In("two"), "--set", "align.training.accumulation=1");
        Assert.Equal(ExitCode.WrongInput, code);
        Assert.Single(MoreRanks().Matches(output));
        Assert.Contains("align.training.accumulation", output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(In("two")));
        var (grid, said) = Launch(launcher, 2, "run", In("recipe.json"), "--out", In("grid"), "--seeds", "2");
        Assert.Equal(ExitCode.WrongInput, grid);
        Assert.Contains("a grid is not divided among ranks", said, StringComparison.Ordinal);
    }

    private void RequireSame(string one, string two)
    {
        string[] names = [.. Directory.GetFiles(In(one), "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(In(one), path)).Order()];
        Assert.Equal(
            names, Directory.GetFiles(In(two), "*", SearchOption.AllDirectories)
                .Select(path => Path.GetRelativePath(In(two), path)).Order());
        Assert.Contains(names, name => name.EndsWith("adapter_model.safetensors", StringComparison.Ordinal));
        foreach (string name in names.Where(name => !name.StartsWith("report.", StringComparison.Ordinal)))
            if (Path.GetExtension(name) is ".json" or ".jsonl")
                Assert.Equal(WithoutTimes(one, name), WithoutTimes(two, name));
            else
                Assert.Equal(
                    File.ReadAllBytes(Path.Combine(In(one), name)), File.ReadAllBytes(Path.Combine(In(two), name)));
    }

    private string WithoutTimes(string folder, string name) =>
        Own().Replace(File.ReadAllText(Path.Combine(In(folder), name)), "").Replace(
            In(folder), "", StringComparison.Ordinal);

    private string In(string name) => Path.Combine(_folder, name);

    private static void Require(string launcher, string packages) => Assert.SkipUnless(
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Any(folder => File.Exists(Path.Combine(folder, launcher))),
        $"{launcher} is not installed (Debian: apt install {packages})");

    private static (int Code, string Output) Launch(string launcher, int ranks, params string[] words)
    {
        using var job = Start(launcher, ranks, words);
        var (output, error) = (job.StandardOutput.ReadToEndAsync(), job.StandardError.ReadToEndAsync());
        if (!job.WaitForExit(Patience))
        {
            job.Kill(entireProcessTree: true);
            Assert.Fail("the processes wait for ever");
        }

        return (job.ExitCode, output.Result + error.Result);
    }

    private static Process Start(string launcher, int ranks, params string[] words)
    {
        string[] place = launcher == "mpirun.openmpi" ? ["--oversubscribe", "--mca", "mpi_yield_when_idle", "1"] : [];
        var start = new ProcessStartInfo(
            launcher, ["-n", $"{ranks}", .. place, .. Program, .. words])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // Open MPI asks whoever is root whether that is meant
        start.Environment["OMPI_ALLOW_RUN_AS_ROOT"] = start.Environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
        return Process.Start(start)!;
    }

    /// <summary>The numbers of the processes that a launcher started, in the order in which it started them.</summary>
    private static int[] Ranks(Process job)
    {
        var all = Process.GetProcesses().Select(each => (each.Id, Stat: Stat(each.Id))).Where(each => each.Stat.Success)
            .ToDictionary(
                each => each.Id, each => (Name: each.Stat.Groups[1].Value,
                    Parent: int.Parse(each.Stat.Groups[2].ValueSpan, CultureInfo.InvariantCulture)));
        bool IsBelow(int id) => id == job.Id || (all.TryGetValue(id, out var each) && IsBelow(each.Parent));
        return [.. all.Where(each => each.Value.Name == "dotnet" && IsBelow(each.Value.Parent)).Select(each => each.Key)
            .Order()];
    }

    private static Match Stat(int id)
    {
        try
        {
            return OfProcess().Match(File.ReadAllText($"/proc/{id}/stat"));
        }
        catch (IOException)
        {
            return Match.Empty;             // it has ended
        }
    }

    [GeneratedRegex(@"\((.*)\) \S (\d+) ")]
    private static partial Regex OfProcess();

    [GeneratedRegex("\"(seconds|seconds_per_step|training_seconds|peak_bytes)\": ?[-0-9.eE]+")]
    private static partial Regex Own();

    [GeneratedRegex("there are more ranks than a step has micro-batches")]
    private static partial Regex MoreRanks();
}
