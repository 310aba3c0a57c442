using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using VaccineRef.Core;
using Device = VaccineRef.Core.Device;

namespace VaccineRef.Gpu;

/// <summary>
/// The devices of this machine, by their names on the command line: cpu, cuda[:i], opencl[:i] and ilgpu-cpu.
/// </summary>
public static class Devices
{
    /// <summary>The possible names, for messages.</summary>
    public const string Names = "cpu, cuda[:i], opencl[:i] or ilgpu-cpu";

    /// <summary>The name of the processor with its own kernels.</summary>
    public const string Processor = "cpu";

    /// <summary>The name of ILGPU's simulator, which runs GPU kernels on the processor, slowly.</summary>
    public const string Simulator = "ilgpu-cpu";

    // The simulator has one operating-system thread for each thread of a group, so groups are small.
    private const int SimulatedWarp = 4, SimulatedWarps = 2;

    /// <summary>Opens a device. The caller disposes of it.</summary>
    /// <param name="name">The name of the device.</param>
    /// <param name="threads">The number of threads of "cpu"; 0 for one per core.</param>
    /// <param name="precision">The precision in which matrix products of floats are computed.</param>
    /// <exception cref="InputException">
    /// There is no such device, or it cannot do what is asked. No other device is taken in its place.
    /// </exception>
    public static Device Open(string name, int threads = 0, MatmulPrecision precision = MatmulPrecision.Float32)
    {
        if (name == Processor)
            return precision == MatmulPrecision.Float32
                ? new CpuDevice(threads)
                : throw NoTensorCores(name, precision, "a processor");
        if (name == Simulator)
            return precision == MatmulPrecision.Float32
                ? Simulate(SimulatedWarp, SimulatedWarps, precision)
                : throw NoTensorCores(name, precision, "a simulator");

        var (kind, index) = Parse(name);
        var all = All();
        var found = OfKind(all, kind);
        if (index < found.Length && Unusable(found[index]) is null)
            return Open($"{kind}:{index}", all, found[index], precision);
        all.Dispose();
        throw new InputException(
            "there is no such device, or it cannot be used", name,
            index < found.Length ? $"{found[index].Name}: {Unusable(found[index])}" : $"{found.Length} {kind} devices",
            "one of those that 'vaccine devices' lists as usable", "--device cpu runs everywhere");
    }

    /// <summary>Requires that a name could be that of a device, here or on another machine.</summary>
    /// <exception cref="InputException">No device has such a name.</exception>
    public static void RequireName(string name)
    {
        if (name is not (Processor or Simulator))
            Parse(name);
    }

    /// <summary>The name of a precision on the command line.</summary>
    public static string Option(MatmulPrecision precision) => precision switch
    {
        MatmulPrecision.Tf32 => "tf32",
        MatmulPrecision.BFloat16 => "bf16",
        _ => "float32",
    };

    /// <summary>Lists the GPUs of this machine, and says of each that cannot be used why not.</summary>
    public static IReadOnlyList<DeviceListing> List()
    {
        using var context = All();
        return [.. List(context, "cuda"), .. List(context, "opencl")];
    }

    /// <summary>
    /// Opens a simulator whose groups have another size and which accepts any precision: for tests of kernels that need
    /// that.
    /// </summary>
    internal static GpuDevice Simulate(int warp, int warps, MatmulPrecision precision)
    {
        var context = Context.Create(builder => builder.CPU(new CPUDevice(warp, warps, 1)).EnableAlgorithms());
        return new(Simulator, context, context.GetDevice<CPUDevice>(0).CreateAccelerator(context), precision);
    }

    private static IEnumerable<DeviceListing> List(Context context, string kind) => OfKind(context, kind).Select(
        (device, index) => new DeviceListing(
            $"{kind}:{index}", device.Name, device.MemorySize, device.NumMultiprocessors, Capabilities(device),
            Unusable(device)));

    // All devices, also those that ILGPU would leave out: a device that cannot be used is listed with the reason.
    private static Context All() =>
        Context.Create(builder => builder.Cuda(_ => true).OpenCL(_ => true).EnableAlgorithms());

    private static ILGPU.Runtime.Device[] OfKind(Context context, string kind) =>
        [.. context.Devices.Where(device => kind == "cuda" ? device is CudaDevice : device is CLDevice)];

    private static string Capabilities(ILGPU.Runtime.Device device) => device switch
    {
        CudaDevice cuda => $"{cuda.Architecture}, driver {cuda.DriverVersion}",
        CLDevice cl => $"{cl.CVersion}, {(cl.Capabilities.Float64 ? "double" : "no double")}",
        _ => "",
    };

    private static string? Unusable(ILGPU.Runtime.Device device) => device switch
    {
        CudaDevice { Architecture: null } => "its architecture is newer or older than those ILGPU generates code for",
        CudaDevice { InstructionSet: null } => "its driver is older than those ILGPU generates code for",
        CLDevice { Capabilities: var can } => Unusable(can.GenericAddressSpace, can.Float64),
        _ => null,
    };

    /// <summary>Why an OpenCL device with exactly these capabilities cannot be used; null if it can.</summary>
    internal static string? Unusable(bool genericAddressSpace, bool doubles) =>
        !genericAddressSpace ? "its driver has no generic address space (PoCL before 5, OpenCL 1.x)"
        : !doubles ? "it does not know double, in which norms, losses and random numbers are computed "
            + "whatever the precision"
        : null;

    private static GpuDevice Open(string name, Context context, ILGPU.Runtime.Device device, MatmulPrecision precision)
    {
        try
        {
            if (precision != MatmulPrecision.Float32 && device is not CudaDevice { Architecture.Major: >= 8 })
                throw NoTensorCores(name, precision, device.Name);
            return new(name, context, device.CreateAccelerator(context), precision);
        }
        catch (AcceleratorException error)
        {
            context.Dispose();
            throw new DeviceLostException(name, "opening it", error);
        }
        catch
        {
            context.Dispose();
            throw;
        }
    }

    private static (string Kind, int Index) Parse(string name)
    {
        string[] parts = name.Split(':');
        int index = 0;
        return parts is ["cuda" or "opencl"]
            || (parts is ["cuda" or "opencl", var number] && int.TryParse(number, out index) && index >= 0)
            ? (parts[0], index)
            : throw new InputException("unknown device", "--device", name, Names);
    }

    private static InputException NoTensorCores(string name, MatmulPrecision precision, string what) => new(
        "this device has no tensor cores for that precision", name, $"--matmul {Option(precision)} on {what}",
        "a CUDA device of sm_80 or later", "--matmul float32");
}

/// <summary>One device of this machine, as 'vaccine devices' shows it.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Model">The model, as the driver names it.</param>
/// <param name="MemoryBytes">The size of its memory.</param>
/// <param name="Multiprocessors">The number of its multiprocessors.</param>
/// <param name="Capabilities">Its architecture or language version, and whether it computes in double.</param>
/// <param name="Unusable">Why it cannot be used; null if it can.</param>
public sealed record DeviceListing(
    string Name, string Model, long MemoryBytes, int Multiprocessors, string Capabilities, string? Unusable);
