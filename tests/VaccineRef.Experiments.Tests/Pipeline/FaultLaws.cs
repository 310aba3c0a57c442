using VaccineRef.Core;
using VaccineRef.Experiments.Grid;

namespace VaccineRef.Experiments.Tests.Pipeline;

/// <summary>
/// The law of a stop: a run that dies before any change to a file, or is refused any of them, and goes on afterwards
/// leaves the same files and the same report, bit for bit, as one that was never stopped.
/// </summary>
public sealed class FaultLaws
{
    private static readonly Lazy<(string Report, IReadOnlyDictionary<string, string> Files, int Changes)> Once = new(() =>
    {
        using var run = new StoppedRun();
        int changes = 0;
        ExperimentReport report;
        using (FileChanges.Watch((_, _) => changes++))
            report = run.Run();
        return (StoppedRun.Json(report), run.Files(), changes);
    });

    [Fact]
    public void A_run_that_dies_before_any_change_to_a_file_and_goes_on_is_as_one_that_never_stopped()
    {
        for (int n = 1; n <= Once.Value.Changes; n++)
        {
            using var run = new StoppedRun();
            var death = new Death(n);
            using (FileChanges.Watch(death.Before))
                Assert.Throws<DiedException>(() => run.Run());
            // no more is lost than the steps since the last checkpoint, and the one before it is there too
            string[] made = death.Renamed("checkpoint-", "align");
            bool isFinished = death.Renamed("result.json", "align").Length > 0;
            if (!isFinished)
                Assert.All(made.TakeLast(2), path => Assert.True(File.Exists(path)));
            Holds(run, n);
            if (!isFinished && made.Length > 0)
                Assert.Contains($"stage align goes on after step {made.Length}", run.Notices);
        }
    }

    [Fact]
    public void A_run_may_die_any_number_of_times()
    {
        using var run = new StoppedRun();
        // each life has a few changes more than the last: a resumed stage begins with some of its own
        for (int life = 1; ; life++)
        {
            using var watch = FileChanges.Watch(new Death(life * 3).Before);
            if (Record.Exception(() => run.Run(threads: 1 + (life % 2))) is null)
                break;
        }

        Holds(run, 0);
    }

    [Fact]
    public void A_run_that_is_refused_any_change_names_the_file_loses_nothing_and_goes_on()
    {
        for (int n = 1; n <= Once.Value.Changes; n++)
        {
            using var run = new StoppedRun();
            string refused = "";
            int change = 0;
            Exception? failure;
            using (FileChanges.Watch((_, path) =>
            {
                if (++change != n)
                    return;
                refused = path;
                throw new IOException("No space left on device", 28);
            }))
                failure = Record.Exception(() => RequireDone(run.Run()));
            if (failure is not null)
            {
                Assert.Contains(Target(refused), failure.Message, StringComparison.Ordinal);
                Assert.Contains("no room is left", failure.Message, StringComparison.Ordinal);
                Assert.Contains("free some space", failure.Message, StringComparison.Ordinal);
            }

            Assert.DoesNotContain(run.Files().Keys, name => name.EndsWith(".tmp", StringComparison.Ordinal));
            Holds(run, n);
        }
    }

    private static void Holds(StoppedRun run, int change)
    {
        Assert.Equal(Once.Value.Report, StoppedRun.Json(run.Run(threads: 1 + (change % 2))));
        Assert.Equal(Once.Value.Files, run.Files());
    }

    private static void RequireDone(ExperimentReport report)
    {
        if (report.Failures is [var sentence, ..])
            throw new InputException(sentence);
    }

    /// <summary>The name of the file behind a temporary name.</summary>
    private static string Target(string path)
    {
        string name = Path.GetFileName(path), folder = Path.GetFileName(Path.GetDirectoryName(path)!);
        return name.EndsWith(".tmp", StringComparison.Ordinal)
            ? name.Split('.')[1]
            : folder.EndsWith(".tmp", StringComparison.Ordinal) ? folder.Split('.')[1] : name;
    }

    private sealed class DiedException : Exception;

    /// <summary>
    /// Ends the program before the n-th change: from then on nothing is changed, whatever a finally block tries.
    /// </summary>
    private sealed class Death(int n)
    {
        private readonly List<(FileChange Change, string Path)> _done = [];
        private int _changes;

        public void Before(FileChange change, string path)
        {
            if (++_changes >= n)
                throw new DiedException();
            _done.Add((change, path));
        }

        /// <summary>The files of a stage that got a name which begins like this, in order.</summary>
        public string[] Renamed(string name, string stage) =>
        [
            .. _done.Where(each => each.Change == FileChange.Rename
                && Path.GetFileName(each.Path).StartsWith(name, StringComparison.Ordinal)
                && Path.GetFileName(Path.GetDirectoryName(each.Path)) == stage).Select(each => each.Path),
        ];
    }
}
