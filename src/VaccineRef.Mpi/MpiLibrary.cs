using System.Runtime.InteropServices;
using System.Text;
using VaccineRef.Core;

namespace VaccineRef.Mpi;

/// <summary>
/// An MPI library that was loaded, with the dozen functions that are used and its own values of the standard's
/// constants. Nothing is loaded before <see cref="Load"/>.
/// </summary>
internal sealed unsafe partial class MpiLibrary
{
    private const int LongestVersion = 8192;

    // Names by which distributions install the libraries; an unversioned name is there with the headers.
    private static readonly (MpiFamily Family, string[] Names)[] Names =
    [
        (MpiFamily.OpenMpi, ["libmpi.so.40", "libmpi.so.80", "libmpi.so", "libmpi.dylib"]),
        (MpiFamily.Mpich, ["libmpich.so.12", "libmpi.so.12", "libmpich.so", "libmpi.so", "libmpi.dylib"]),
        (MpiFamily.StandardAbi, ["libmpi_abi.so.1", "libmpi_abi.so.0", "libmpi_abi.so", "libmpi_abi.dylib"]),
    ];

    private readonly nint _library;

    private MpiLibrary(nint library, string name)
    {
        _library = library;
        Name = name;
        Version = VersionOf();
        Family = NativeLibrary.TryGetExport(library, "ompi_mpi_comm_world", out _) ? MpiFamily.OpenMpi
            : name.Contains("mpi_abi", StringComparison.Ordinal) ? MpiFamily.StandardAbi
            : ((string[])["MPICH", "Intel(R) MPI", "MVAPICH"])
                .Any(kin => Version.Contains(kin, StringComparison.OrdinalIgnoreCase)) ? MpiFamily.Mpich
            : throw new InputException(
                "this MPI library is not known", name, Version,
                "Open MPI, MPICH or one of its kin, or a libmpi_abi of MPI 5",
                "name another library: --mpi PATH");
        (World, Byte, Float, Double, Sum) = Family switch
        {
            MpiFamily.OpenMpi => (
                Symbol("ompi_mpi_comm_world"), Symbol("ompi_mpi_byte"), Symbol("ompi_mpi_float"),
                Symbol("ompi_mpi_double"), Symbol("ompi_mpi_op_sum")),
            MpiFamily.Mpich => (0x44000000, 0x4c00010d, 0x4c00040a, 0x4c00080b, 0x58000003),
            _ => ((nint)0x101, (nint)0x247, (nint)0x210, (nint)0x214, (nint)0x21),
        };
        Serialized = Family == MpiFamily.StandardAbi ? 2048 : 2;
    }

    /// <summary>The name under which it was found.</summary>
    public string Name { get; }

    /// <summary>What it says that it is.</summary>
    public string Version { get; }

    /// <summary>What its handles are.</summary>
    public MpiFamily Family { get; }

    /// <summary>MPI_COMM_WORLD.</summary>
    public nint World { get; }

    /// <summary>MPI_BYTE.</summary>
    public nint Byte { get; }

    /// <summary>MPI_FLOAT.</summary>
    public nint Float { get; }

    /// <summary>MPI_DOUBLE.</summary>
    public nint Double { get; }

    /// <summary>MPI_SUM.</summary>
    public nint Sum { get; }

    /// <summary>MPI_THREAD_SERIALIZED.</summary>
    public int Serialized { get; }

    /// <summary>Loads the library that belongs to a launcher, or one that is named.</summary>
    /// <exception cref="InputException">There is none, or it is not one that is known.</exception>
    public static MpiLibrary Load(MpiFamily launcher, string? named)
    {
        Prepare();
        string[] names = named is not null ? [named] :
            [.. Names.Where(each => each.Family == launcher || each.Family == MpiFamily.StandardAbi)
                .SelectMany(each => each.Names)];
        foreach (string name in names)
            if (NativeLibrary.TryLoad(name, out nint library))
                return new(library, name);
        throw new InputException(
            "the MPI library cannot be loaded",
            named is null ? "a launcher of MPI started this process among others" : "--mpi",
            $"none of {string.Join(", ", names)}",
            launcher == MpiFamily.Mpich ? "MPICH 4 or one of its kin" : "Open MPI 4 or 5",
            launcher == MpiFamily.Mpich
                ? "install it (Debian: apt install mpich), or name the library: --mpi PATH"
                : "install it (Debian: apt install openmpi-bin libopenmpi3, from Debian 13 on libopenmpi40), or name the library: --mpi PATH");
    }

    /// <summary>The address of a function.</summary>
    public nint Symbol(string name) => NativeLibrary.TryGetExport(_library, name, out nint address)
        ? address
        : throw new InputException(
            "the MPI library lacks a function", Name, $"no {name}", "the functions of MPI 3 or later",
            "name another library: --mpi PATH");

    /// <summary>
    /// Requires that a call succeeded. By default a library ends the process itself where one does not.
    /// </summary>
    public void Check(int code, string function)
    {
        if (code != 0)
            throw new InvalidOperationException($"{function} of {Name} failed with code {code}");
    }

    private string VersionOf()
    {
        byte[] text = new byte[LongestVersion];
        int length = 0;
        fixed (byte* at = text)
            Check(
                ((delegate* unmanaged[Cdecl]<byte*, int*, int>)Symbol("MPI_Get_library_version"))(at, &length),
                "MPI_Get_library_version");
        return Encoding.UTF8.GetString(text, 0, Math.Clamp(length, 0, text.Length)).TrimEnd('\0', '\n').Split('\n')[0];
    }

    /// <summary>
    /// UCX, on which libraries send, would catch the signals that .NET uses for references to null. The variable has to
    /// be in the environment of C, which is another one than .NET's.
    /// </summary>
    private static void Prepare()
    {
        if (!OperatingSystem.IsWindows())
            _ = SetVariable("UCX_ERROR_SIGNALS", "", overwrite: 0);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
