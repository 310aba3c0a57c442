using System.Text.RegularExpressions;

namespace VaccineRef.Cli;

/// <summary>The scripts with which Slurm computes a grid: one array of tasks for each level, and the report.</summary>
/// <param name="Grid">The grid's name.</param>
/// <param name="Folder">The folder of the scripts and of what the tasks print.</param>
/// <param name="Program">The words that start this program.</param>
/// <param name="Plan">The file of the plan.</param>
/// <param name="Common">Options of the program that all tasks share.</param>
/// <param name="Cpus">CPUs of a task: so many stages are computed at once.</param>
/// <param name="Lines">Further lines for Slurm.</param>
internal sealed partial record SlurmScript(
    string Grid, string Folder, IReadOnlyList<string> Program, string Plan, IReadOnlyList<string> Common, int Cpus,
    IReadOnlyList<string> Lines)
{
    // how often a task that could not do everything is put back into the queue by itself; preemption is not counted
    // against anything
    private const int MostRestarts = 5;

    /// <summary>The script of a level.</summary>
    /// <param name="level">The level.</param>
    /// <param name="stages">How many stages it has.</param>
    /// <param name="slices">Into how many tasks they are cut.</param>
    /// <param name="tasks">The tasks that have something to do.</param>
    public string Level(int level, int stages, int slices, IReadOnlyList<int> tasks)
    {
        string work = Quoted([.. Program, "lab", "work", Plan, "--level", $"{level}", .. Common]);
        return $"""
            #!/usr/bin/env bash
            # Level {level} of the grid {Name}: {stages} stages in {slices} tasks. vaccine lab slurm wrote this.
            #SBATCH --job-name={Name}-{level}
            #SBATCH --array={Ranges(tasks)}
            #SBATCH --output="{Path.Combine(Folder, $"level-{level}-%a.log")}"
            #SBATCH --open-mode=append
            #SBATCH --requeue
            #SBATCH --signal=B:USR2@120
            #SBATCH --cpus-per-task={Cpus}
            {string.Concat(Lines.Select(line => line + "\n"))}
            {work} --slice "$SLURM_ARRAY_TASK_ID/{slices}" --threads {Cpus} &
            child=$!
            stopped=no

            # Slurm tells this shell that the time is over soon; the program keeps its checkpoints and ends.
            trap 'stopped=yes; kill -USR2 "$child" 2> /dev/null' USR2
            trap 'kill -TERM "$child" 2> /dev/null' TERM
            while wait "$child"; code=$?; [ "$code" -gt 128 ] && kill -0 "$child" 2> /dev/null; do :; done

            again=no
            [ "$stopped" = yes ] && [ "$code" -ne 0 ] && again=yes
            [ "$code" -eq {ExitCode.TryAgain} ] && [ "{"${SLURM_RESTART_COUNT:-0}"}" -lt {MostRestarts} ] && again=yes
            [ "$again" = yes ] && scontrol requeue "$SLURM_JOB_ID"

            # A stage that diverged is noted in the cache and stands in the report; the others go on.
            [ "$code" -eq {ExitCode.Failed} ] && exit 0
            exit "$code"

            """.Replace("\r", "", StringComparison.Ordinal);
    }

    /// <summary>The script of the report.</summary>
    /// <param name="folder">The folder of the report.</param>
    public string Report(string folder) => $"""
        #!/usr/bin/env bash
        # The report of the grid {Name}, from what is in the cache. vaccine lab slurm wrote this.
        #SBATCH --job-name={Name}-report
        #SBATCH --output="{Path.Combine(Folder, "report.log")}"
        #SBATCH --open-mode=append
        #SBATCH --cpus-per-task={Cpus}
        {string.Concat(Lines.Select(line => line + "\n"))}
        exec {Quoted([.. Program, "lab", "report", Plan, "--out", folder, .. Common])} --threads {Cpus}

        """.Replace("\r", "", StringComparison.Ordinal);

    /// <summary>How this program is started.</summary>
    public static IReadOnlyList<string> ThisProgram()
    {
        string library = typeof(SlurmScript).Assembly.Location, process = Environment.ProcessPath ?? "";
        string name = Path.GetFileNameWithoutExtension(process);
        // by its own executable, or by dotnet with its library; a test has another process around it
        return library.Length == 0 || name == Path.GetFileNameWithoutExtension(library) ? [process]
            : [name == "dotnet" ? process : "dotnet", library];
    }

    private string Name => NoName().Replace(Grid, "-");

    /// <summary>Numbers as Slurm writes them, as in 0-3,7.</summary>
    private static string Ranges(IReadOnlyList<int> numbers)
    {
        var ranges = new List<(int First, int Last)>();
        foreach (int number in numbers.Order())
            if (ranges is [.., var last] && last.Last + 1 == number)
                ranges[^1] = (last.First, number);
            else
                ranges.Add((number, number));
        return string.Join(
            ',', ranges.Select(range => range.First == range.Last ? $"{range.First}" : $"{range.First}-{range.Last}"));
    }

    private static string Quoted(IEnumerable<string> words) =>
        string.Join(
            ' ', words.Select(
                word => Plain().IsMatch(word) ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'"));

    [GeneratedRegex(@"^[A-Za-z0-9._/:=,+\-]+$", RegexOptions.CultureInvariant)]
    private static partial Regex Plain();

    [GeneratedRegex(@"[^A-Za-z0-9._\-]+", RegexOptions.CultureInvariant)]
    private static partial Regex NoName();
}
