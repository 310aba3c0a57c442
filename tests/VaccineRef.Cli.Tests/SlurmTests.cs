using System.CommandLine;
using System.Text.RegularExpressions;
using VaccineRef.Cli.Commands;
using VaccineRef.Testing;

namespace VaccineRef.Cli.Tests;

/// <summary>
/// Submission to a Slurm that consists of four small programs: sbatch runs the tasks of an array at once, one after the
/// other. The real one is in tests/cluster.
/// </summary>
public sealed partial class SlurmTests : IDisposable
{
    private readonly TinyCluster _tiny = new();
    private readonly string? _path = Environment.GetEnvironmentVariable("PATH");

    public SlurmTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the scripts are for bash");
        Program("sbatch", """
            echo "sbatch $*" >> "$here/calls"
            job=$(($(cat "$here/last" 2> /dev/null || echo 0) + 1)) && echo $job > "$here/last"
            script=${@: -1} array=$(sed -n 's/^#SBATCH --array=//p' "$script")
            export SLURM_JOB_ID=$job
            for task in $(for each in ${array//,/ }; do seq ${each%-*} ${each#*-}; done; [ -n "$array" ] || echo alone); do
                SLURM_ARRAY_TASK_ID=$task bash "$script" < /dev/null >> "$here/printed" 2>&1 || echo "$script $task: $?" >> "$here/failed"
            done
            echo "$job;cluster"
            """);
        Program("squeue", """
            echo "squeue $*" >> "$here/calls"
            echo 'slurm_load_jobs error: Invalid job id specified' >&2
            exit 1
            """);
        Program(
            "scontrol",
            """echo "scontrol $*" >> "$here/calls"; echo "MaxArraySize            = ${MAX_ARRAY:-1001}" """);
        Program("scancel", """echo "scancel $*" >> "$here/calls" """);
        Environment.SetEnvironmentVariable("PATH", $"{_tiny.In("bin")}:{_path}");
    }

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("PATH", _path);
        Environment.SetEnvironmentVariable("MAX_ARRAY", null);
        _tiny.Dispose();
    }

    [Fact]
    public void A_chain_of_arrays_gives_the_report_of_one_process_and_submitted_again_only_what_is_missing()
    {
        var outcome = Slurm("--chunk", "1", "--wait");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.False(
            File.Exists(_tiny.In("bin/failed")),
            File.Exists(_tiny.In("bin/failed")) ? File.ReadAllText(_tiny.In("bin/printed")) : "");
        string[] submitted = [.. Calls().Where(call => call.StartsWith("sbatch", StringComparison.Ordinal))];
        Assert.Equal(
            [
                "sbatch --parsable level-0.sh",
                "sbatch --parsable --dependency=afterok:1 --kill-on-invalid-dep=yes level-1.sh",
                "sbatch --parsable --dependency=afterok:2 --kill-on-invalid-dep=yes level-2.sh",
                "sbatch --parsable --dependency=afterok:3 --kill-on-invalid-dep=yes level-3.sh",
                "sbatch --parsable --dependency=afterany:1:2:3:4 --kill-on-invalid-dep=yes report.sh",
            ],
            submitted.Select(call => call.Replace($"{_tiny.In("out/slurm")}/", "", StringComparison.Ordinal)));
        Assert.Contains("squeue --noheader --array --format=%T --jobs=1,2,3,4,5", Calls());
        File.Delete(_tiny.In("out/plan.json"));
        Directory.Delete(_tiny.In("out/slurm"), recursive: true);
        _tiny.RequireReportOfOneProcess();

        // one attack is lost: its task is submitted, and the report
        string lost = _tiny.Read("out").Trials[1].Stages[^1].Hash;
        Directory.Delete(_tiny.In($"cache/{lost}"), recursive: true);
        File.Delete(_tiny.In("bin/calls"));
        Assert.Equal(0, Slurm("--chunk", "1").Code);
        Assert.Equal(2, Calls().Count(call => call.StartsWith("sbatch", StringComparison.Ordinal)));
        Assert.Contains("#SBATCH --array=1\n", File.ReadAllText(_tiny.In("out/slurm/level-3.sh")));
    }

    [Theory]
    [InlineData(1, 1001, "0-1", 2)]
    [InlineData(2, 1001, "0", 1)]
    [InlineData(99, 1001, "0", 1)]
    [InlineData(1, 1, "0", 1)]
    public void Tasks_are_as_long_as_asked_for_and_fit_in_an_array(int chunk, int most, string array, int slices)
    {
        Environment.SetEnvironmentVariable("MAX_ARRAY", $"{most}");
        Program("sbatch", "echo 7");
        Assert.Equal(
            0, Slurm("--chunk", $"{chunk}", "--partition", "short", "--time", "1:00:00", "--gpus", "2", "--mem", "8G").Code);
        string script = File.ReadAllText(_tiny.In("out/slurm/level-3.sh"));
        Assert.All(
            [
                $"#SBATCH --array={array}\n", "#SBATCH --partition=short\n", "#SBATCH --time=1:00:00\n",
                "#SBATCH --gpus=2\n", "#SBATCH --mem=8G\n",
                "#SBATCH --requeue\n", "#SBATCH --signal=B:USR2@120\n", "#SBATCH --job-name=tiny-grid-3\n",
                $"--slice \"$SLURM_ARRAY_TASK_ID/{slices}\"",
            ],
            line => Assert.Contains(line, script, StringComparison.Ordinal));
    }

    [Fact]
    public void Without_a_chunk_a_task_takes_about_ten_minutes()
    {
        Program("sbatch", "echo 7");
        Assert.Equal(0, Slurm().Code);
        Assert.All(
            Directory.GetFiles(_tiny.In("out/slurm"), "level-*.sh"),
            script => Assert.Contains("#SBATCH --array=0\n", File.ReadAllText(script)));
    }

    [Fact]
    public void A_dry_run_prints_the_scripts_and_leaves_nothing()
    {
        var outcome = Slurm("--dry-run", "--chunk", "1");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.All(
            ["#SBATCH --array=0-1\n", "--dependency=afterok:NUMBER-OF-level-2",
                "--dependency=afterany:NUMBER-OF-level-0:NUMBER-OF-level-1", "lab report"],
            text => Assert.Contains(text, outcome.Out, StringComparison.Ordinal));
        Assert.False(Directory.Exists(_tiny.In("out")) || Directory.Exists(_tiny.In("cache")));
        Assert.DoesNotContain(Calls(), call => call.StartsWith("sbatch", StringComparison.Ordinal));
    }

    [Fact]
    public void Where_Slurm_refuses_a_script_nothing_stays_submitted()
    {
        Program(
            "sbatch",
            """case "$*" in *level-2*) echo 'invalid partition' >&2; exit 1 ;; *level-0*) echo 11 ;; *) echo 12 ;; esac""");
        var outcome = Slurm("--chunk", "1");
        Assert.Equal(2, outcome.Code);
        Assert.Contains("invalid partition", outcome.Error);
        Assert.Contains("scancel 11 12", Calls());
    }

    [Theory]
    [InlineData("--partition", "a b")]
    [InlineData("--time", "1\n#SBATCH --wrap=x")]
    [InlineData("--chunk", "-1")]
    public void A_value_that_would_be_another_line_of_the_script_is_refused(string option, string value)
    {
        var outcome = Slurm(option, value);
        Assert.Equal(2, outcome.Code);
        Assert.Contains(option, outcome.Error);
    }

    [Fact]
    public void A_task_that_is_told_of_its_end_passes_it_on_and_is_queued_again()
    {
        Program("sbatch", "echo 7");
        Assert.Equal(0, Slurm("--chunk", "9").Code);
        // in the place of the program one that waits for the signal, and one that has no room
        foreach (var (stub, code, requeued) in ((string, int, bool)[])[
            ("trap 'exit 140' USR2; kill -USR2 $PPID; for i in $(seq 100); do sleep 0.1; done", 140, true),
            ("exit 75", 75, true), ("exit 1", 0, false),
            ("exit 2", 2, false), ("exit 0", 0, false)])
        {
            File.Delete(_tiny.In("bin/calls"));
            Program("stub", stub);
            string text = ProgramLine().Replace(
                File.ReadAllText(_tiny.In("out/slurm/level-1.sh")), $"{_tiny.In("bin/stub")} &\n");
            string script = _tiny.In("script.sh");
            File.WriteAllText(script, text);
            using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("bash", [script])
            {
                RedirectStandardOutput = true,
                Environment = { ["SLURM_JOB_ID"] = "42", ["SLURM_ARRAY_TASK_ID"] = "0" },
            })!;
            process.WaitForExit();
            Assert.Equal((stub, code), (stub, process.ExitCode));
            Assert.Equal((stub, requeued), (stub, Calls().Contains("scontrol requeue 42")));
        }
    }

    [Theory]
    [InlineData("slurm.sh")]
    [InlineData("parallel.sh")]
    [InlineData("kubernetes.yaml")]
    [InlineData("Snakefile")]
    public void An_example_names_only_options_that_exist(string name)
    {
        var lab = LabCommand.Create();
        string text = File.ReadAllText(Path.Combine(Repository.Root, "examples", "cluster", name)).Replace(
            "\\\n", " ", StringComparison.Ordinal);
        var calls = LabCall().Matches(text);
        Assert.Contains(calls, call => call.Groups[1].Value == "work");
        Assert.Contains(calls, call => call.Groups[1].Value == "plan");
        foreach (Match call in calls)
        {
            var command = lab.Subcommands.Single(each => each.Name == call.Groups[1].Value);
            string[] known = [.. command.Options.SelectMany(option => option.Aliases.Prepend(option.Name))];
            Assert.All(
                OptionWord().Matches(call.Groups[2].Value), word => Assert.Contains(word.Groups[1].Value, known));
        }
    }

    private Outcome Slurm(params string[] options) =>
        Vaccine.Run(["lab", "slurm", _tiny.Recipe, "--out", _tiny.In("out"), "--cache", _tiny.In("cache"), "--threads", "1", .. options]);

    private string[] Calls() => File.Exists(_tiny.In("bin/calls")) ? File.ReadAllLines(_tiny.In("bin/calls")) : [];

    private void Program(string name, string text)
    {
        string path = _tiny.In($"bin/{name}");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, $"#!/usr/bin/env bash\nhere={_tiny.In("bin")}\n{text}\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    [GeneratedRegex(@"^.* lab work .* &\n", RegexOptions.Multiline)]
    private static partial Regex ProgramLine();

    [GeneratedRegex(@"(?:vaccine|program) lab (plan|work|report|slurm)\b([^|&\n]*)")]
    private static partial Regex LabCall();

    [GeneratedRegex(@"(?<=\s)(--?[a-z][a-z-]*)")]
    private static partial Regex OptionWord();
}
