namespace VaccineRef.Mpi;

/// <summary>Kinds of MPI libraries, which differ in what their handles are.</summary>
public enum MpiFamily
{
    /// <summary>Open MPI: handles are addresses of symbols that the library exports.</summary>
    OpenMpi,

    /// <summary>
    /// MPICH and those with its binary interface, such as Intel MPI and MVAPICH: handles are integers.
    /// </summary>
    Mpich,

    /// <summary>A library with the standard binary interface of MPI 5: handles are small numbers.</summary>
    StandardAbi,
}
