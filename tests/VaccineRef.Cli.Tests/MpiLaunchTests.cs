using VaccineRef.Mpi;

namespace VaccineRef.Cli.Tests;

/// <summary>What a process knows of its launcher, and what it does where a command or a library does not fit.</summary>
public sealed class MpiLaunchTests
{
    [Fact]
    public void Launchers_are_known_by_their_variables()
    {
        Assert.Null(Of());
        Assert.Null(Of(("OMPI_COMM_WORLD_SIZE", "1"), ("OMPI_COMM_WORLD_RANK", "0")));
        Assert.Null(Of(("OMPI_COMM_WORLD_SIZE", "four"), ("OMPI_COMM_WORLD_RANK", "0")));
        // tasks that no MPI connects
        Assert.Null(Of(("SLURM_STEP_NUM_TASKS", "4"), ("SLURM_PROCID", "1")));
        Assert.Equal(
            new(MpiFamily.OpenMpi, 3, 4, 1, 2),
            Of(("OMPI_COMM_WORLD_SIZE", "4"), ("OMPI_COMM_WORLD_RANK", "3"), ("OMPI_COMM_WORLD_LOCAL_RANK", "1"), ("OMPI_COMM_WORLD_LOCAL_SIZE", "2")));
        Assert.Equal(
            new(MpiFamily.Mpich, 1, 2, 1, 2),
            Of(("PMI_SIZE", "2"), ("PMI_RANK", "1"), ("MPI_LOCALRANKID", "1"), ("MPI_LOCALNRANKS", "2")));
        Assert.Equal(
            new(MpiFamily.OpenMpi, 5, 8, 5, 8),
            Of(("SLURM_STEP_NUM_TASKS", "8"), ("PMIX_RANK", "5"), ("SLURM_LOCALID", "5"), ("SLURM_TASKS_PER_NODE", "8")));
    }

    [Fact]
    public void Without_a_launcher_no_library_is_loaded_and_one_that_is_named_is_an_error()
    {
        using var cluster = new TinyCluster();
        var outcome = Vaccine.Run("run", cluster.Recipe, "--mpi", "libmpi.so", "--out", cluster.In("out"));
        Assert.Equal(ExitCode.WrongInput, outcome.Code);
        Assert.Contains(
            "no MPI launcher has started this process among others", outcome.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(cluster.In("out")));
        Assert.DoesNotContain("libmpi", string.Join(' ', LoadedLibraries()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("OMPI_COMM_WORLD", "apt install openmpi-bin")]
    [InlineData("PMI", "apt install mpich")]
    public void No_library_is_an_error_that_says_what_to_install(string launcher, string remedy)
    {
        using var cluster = new TinyCluster();
        var (code, _, error) = Under(
            launcher, rank: 0, "run", cluster.Recipe, "--mpi", cluster.In("missing.so"), "--out", cluster.In("out"));
        Assert.Equal(ExitCode.WrongInput, code);
        Assert.Contains("the MPI library cannot be loaded", error, StringComparison.Ordinal);
        Assert.Contains(remedy, error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(cluster.In("out")));
    }

    /// <summary>
    /// Four processes that each do all of it would write over each other: none of them begins, and one says why.
    /// </summary>
    [Theory]
    [InlineData("demo")]
    [InlineData("lab --recipe recipe.json")]
    [InlineData("export folder --to elsewhere")]
    public void A_command_that_is_not_divided_is_refused_by_name(string line)
    {
        string[] words = line.Split(' ');
        string command = words[0];
        var (code, _, error) = Under("OMPI_COMM_WORLD", rank: 0, words);
        Assert.Equal(ExitCode.WrongInput, code);
        Assert.Contains($"the command {command} does not divide its work", error, StringComparison.Ordinal);
        Assert.Equal((ExitCode.WrongInput, "", ""), Under("OMPI_COMM_WORLD", rank: 1, words));
    }

    [Fact]
    public void Commands_that_only_look_may_be_started_many_times() =>
        Assert.Equal(ExitCode.Done, Under("PMI", rank: 1, "schema").Code);

    private static MpiLaunch? Of(params (string Name, string Value)[] variables) =>
        MpiLaunch.Of(name => variables.FirstOrDefault(each => each.Name == name).Value);

    private static (int Code, string Out, string Error) Under(string launcher, int rank, params string[] words)
    {
        (string Name, string Value)[] variables = [($"{launcher}_SIZE", "2"), ($"{launcher}_RANK", $"{rank}")];
        foreach (var (name, value) in variables)
            Environment.SetEnvironmentVariable(name, value);
        try
        {
            var outcome = Vaccine.Run(words);
            return (outcome.Code, outcome.Out, outcome.Error);
        }
        finally
        {
            foreach (var (name, _) in variables)
                Environment.SetEnvironmentVariable(name, null);
        }
    }

    private static IEnumerable<string> LoadedLibraries()
    {
        const string Maps = "/proc/self/maps";
        return File.Exists(Maps) ? File.ReadLines(Maps)
            .Where(line => line.Contains("libmpi", StringComparison.Ordinal)) : [];
    }
}
