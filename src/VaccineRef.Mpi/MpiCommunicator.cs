using VaccineRef.Core;

namespace VaccineRef.Mpi;

/// <summary>
/// The processes that an MPI launcher started together, MPI_COMM_WORLD. There can be one in the life of a process.
/// Bytes are gathered and broadcast as they are; sums are those of MPI_Allreduce, which adds in the order that the
/// library likes.
/// </summary>
public sealed unsafe class MpiCommunicator : ICommunicator, IDisposable
{
    private readonly MpiLibrary _mpi;
    private readonly delegate* unmanaged[Cdecl]<void*, int, nint, void*, int, nint, int, nint, int> _gather;
    private readonly delegate* unmanaged[Cdecl]<void*, int, nint, int, nint, int> _broadcast;
    private readonly delegate* unmanaged[Cdecl]<void*, void*, int, nint, nint, nint, int> _sum;
    private readonly delegate* unmanaged[Cdecl]<nint, int> _barrier;
    private readonly delegate* unmanaged[Cdecl]<nint, int, int> _abort;
    private bool _ended;

    private MpiCommunicator(MpiLibrary mpi, MpiLaunch launch)
    {
        _mpi = mpi;
        _gather = (delegate* unmanaged[Cdecl]<void*, int, nint, void*, int, nint, int, nint, int>)mpi.Symbol(
            "MPI_Gather");
        _broadcast = (delegate* unmanaged[Cdecl]<void*, int, nint, int, nint, int>)mpi.Symbol("MPI_Bcast");
        _sum = (delegate* unmanaged[Cdecl]<void*, void*, int, nint, nint, nint, int>)mpi.Symbol("MPI_Allreduce");
        _barrier = (delegate* unmanaged[Cdecl]<nint, int>)mpi.Symbol("MPI_Barrier");
        _abort = (delegate* unmanaged[Cdecl]<nint, int, int>)mpi.Symbol("MPI_Abort");
        int provided = 0;
        mpi.Check(((delegate* unmanaged[Cdecl]<int*, byte***, int, int*, int>)mpi.Symbol("MPI_Init_thread"))(
            null, null, mpi.Serialized, &provided), "MPI_Init_thread");
        Rank = Number("MPI_Comm_rank");
        Size = Number("MPI_Comm_size");
        if (Size != launch.Size || provided < mpi.Serialized)
        {
            Dispose();
            throw new InputException(
                "the MPI library does not work together with the launcher", mpi.Name,
                $"{Size} of {launch.Size} processes see each other; threads of the level {provided}; the library is {mpi.Version}",
                $"{launch.Size} processes, and threads of the level {mpi.Serialized}",
                "start with the mpirun of the library that is loaded, or name the library of this mpirun: --mpi PATH");
        }
    }

    /// <inheritdoc/>
    public int Rank { get; }

    /// <inheritdoc/>
    public int Size { get; }

    /// <summary>What the library says that it is.</summary>
    public string Version => _mpi.Version;

    /// <summary>Joins the processes that were started together.</summary>
    /// <param name="launch">How this one was started.</param>
    /// <param name="library">The library, a path or a name; that of the launcher if it is null.</param>
    /// <exception cref="InputException">There is no library, or it does not belong to the launcher.</exception>
    public static MpiCommunicator Join(MpiLaunch launch, string? library = null) =>
        new(MpiLibrary.Load(launch.Launcher, library), launch);

    /// <inheritdoc/>
    public void Gather(ReadOnlySpan<byte> own, Span<byte> all, int root)
    {
        fixed (byte* from = own, to = all)
            _mpi.Check(_gather(from, own.Length, _mpi.Byte, to, own.Length, _mpi.Byte, root, _mpi.World), "MPI_Gather");
    }

    /// <inheritdoc/>
    public void Broadcast(Span<byte> data, int root)
    {
        fixed (byte* at = data)
            _mpi.Check(_broadcast(at, data.Length, _mpi.Byte, root, _mpi.World), "MPI_Bcast");
    }

    /// <inheritdoc/>
    public void Sum(Span<float> values) => Sum(values, _mpi.Float);

    /// <inheritdoc/>
    public void Sum(Span<double> values) => Sum(values, _mpi.Double);

    /// <inheritdoc/>
    public void Barrier() => _mpi.Check(_barrier(_mpi.World), "MPI_Barrier");

    /// <summary>Ends all processes at once, this one included: the last resort of a rank that cannot go on.</summary>
    public void Abort(int code) => _abort(_mpi.World, code);

    /// <summary>Takes leave of the others. Every rank has to.</summary>
    public void Dispose()
    {
        if (!_ended)
            _ = ((delegate* unmanaged[Cdecl]<int>)_mpi.Symbol("MPI_Finalize"))();
        _ended = true;
    }

    private void Sum<T>(Span<T> values, nint type) where T : unmanaged
    {
        var sums = new T[values.Length];
        fixed (T* from = values, to = sums)
            _mpi.Check(_sum(from, to, values.Length, type, _mpi.Sum, _mpi.World), "MPI_Allreduce");
        sums.CopyTo(values);
    }

    private int Number(string function)
    {
        int number = 0;
        _mpi.Check(((delegate* unmanaged[Cdecl]<nint, int*, int>)_mpi.Symbol(function))(_mpi.World, &number), function);
        return number;
    }
}
