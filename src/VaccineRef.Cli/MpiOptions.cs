using System.CommandLine;
using VaccineRef.Core;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Mpi;
using VaccineRef.Training;

namespace VaccineRef.Cli;

/// <summary>
/// The options --mpi and --reduce of a command whose steps may be divided among processes. That there are several is
/// known from the environment variables of the launcher; no MPI library is looked for without them.
/// </summary>
internal sealed class MpiOptions
{
    // in this time rank 0, which speaks for all, has said what went wrong on every rank alike
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly Option<string?> _library = new("--mpi")
    {
        Description = "Under mpirun: the MPI library, where it is not the one that the launcher's kind is known to have.",
        HelpName = "PATH",
    };

    private readonly Option<string> _reduce = new("--reduce")
    {
        Description = "Under mpirun: how gradients are added up; ordered (the number of ranks changes no bit) or fast (MPI_Allreduce).",
        DefaultValueFactory = _ => "ordered",
    };

    /// <summary>Makes the options.</summary>
    public MpiOptions() => _reduce.AcceptOnlyFromAmong("ordered", "fast");

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_library);
        command.Options.Add(_reduce);
    }

    /// <summary>
    /// Runs the body of a command on every rank. What goes wrong on all of them alike is thrown on all. What goes wrong
    /// on one alone ends all processes at once, after it was said which one it was.
    /// </summary>
    /// <exception cref="InputException">
    /// There is no MPI library, or nobody started this process among others.
    /// </exception>
    public int Run(ParseResult parsed, Func<StageRanks, int> body)
    {
        if (MpiLaunch.OfThisProcess is not { } launch)
            return parsed.GetValue(_library) is { } library
                ? throw new InputException(
                    "no MPI launcher has started this process among others", "--mpi", library,
                    "mpirun -n N vaccine ...", "start it so, or leave --mpi out")
                : body(StageRanks.Alone);
        var reduction = parsed.GetValue(_reduce) == "fast" ? GradientReduction.Fast : GradientReduction.Ordered;
        using var mpi = MpiCommunicator.Join(launch, parsed.GetValue(_library));
        try
        {
            return body(new(mpi, reduction));
        }
        catch (Exception error) when (!error.IsAgreed())
        {
            if (mpi.Rank > 0)
                Thread.Sleep(Patience);
            Ranks.Say($"vaccine: on rank {mpi.Rank} of {mpi.Size}: {ExitCode.TextOf(error)}");
            mpi.Abort(ExitCode.CodeOf(error));
            throw;
        }
    }
}
