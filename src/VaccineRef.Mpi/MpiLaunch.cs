using System.Globalization;

namespace VaccineRef.Mpi;

/// <summary>
/// How a process was started among others: what an MPI launcher tells it through environment variables.
/// </summary>
/// <param name="Launcher">Whose launcher it was.</param>
/// <param name="Rank">The number of this process, from 0.</param>
/// <param name="Size">How many processes were started.</param>
/// <param name="LocalRank">The number of this process on its machine, from 0.</param>
/// <param name="LocalSize">How many processes there are on its machine.</param>
public sealed record MpiLaunch(MpiFamily Launcher, int Rank, int Size, int LocalRank, int LocalSize)
{
    // Open MPI's mpirun; the Hydra of MPICH and its kin; Slurm's srun with PMIx. The first that is there counts.
    private static readonly (MpiFamily Launcher, string Size, string Rank, string LocalRank, string LocalSize)[] Known =
    [
        (MpiFamily.OpenMpi, "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK",
            "OMPI_COMM_WORLD_LOCAL_SIZE"),
        (MpiFamily.Mpich, "PMI_SIZE", "PMI_RANK", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"),
        (MpiFamily.OpenMpi, "SLURM_STEP_NUM_TASKS", "PMIX_RANK", "SLURM_LOCALID", "SLURM_TASKS_PER_NODE"),
    ];

    /// <summary>How this process was started; null if no launcher started it together with another one.</summary>
    public static MpiLaunch? OfThisProcess => Of(Environment.GetEnvironmentVariable);

    /// <summary>What variables say.</summary>
    /// <param name="variable">The value of a variable; null where it is not set.</param>
    public static MpiLaunch? Of(Func<string, string?> variable)
    {
        foreach (var (launcher, size, rank, localRank, localSize) in Known)
            if (Number(variable(size)) is > 1 and var all && Number(variable(rank)) is { } own)
                return new(launcher, own, all, Number(variable(localRank)) ?? 0, Number(variable(localSize)) ?? 1);
        return null;
    }

    private static int? Number(string? text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;
}
