using System.CommandLine;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using VaccineRef.Core;
using VaccineRef.Experiments.Grid;
using VaccineRef.Gpu;
using VaccineRef.Mpi;

namespace VaccineRef.Cli;

/// <summary>
/// The options --device, --threads and --matmul, which say where and how a command computes. They are the same for
/// every command that computes.
/// </summary>
internal sealed class DeviceOptions
{
    private readonly Option<string> _device = new("--device")
    {
        Description = $"Where to compute: {Devices.Names}.",
        DefaultValueFactory = _ => Devices.Processor,
        HelpName = "NAME",
    };

    private readonly Option<int> _threads = CommonOptions.Threads();

    private readonly Option<string> _matmul = new("--matmul")
    {
        Description = "In what products of floats are computed; tf32 and bf16 need CUDA from sm_80 on.",
        DefaultValueFactory = _ => "float32",
    };

    private readonly bool _products;

    /// <summary>Makes the options.</summary>
    /// <param name="products">Whether --matmul is one of them; otherwise products are in float32.</param>
    public DeviceOptions(bool products = true)
    {
        _products = products;
        _matmul.AcceptOnlyFromAmong("float32", "tf32", "bf16");
    }

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in _products ? (Option[])[_device, _threads, _matmul] : [_device, _threads])
            command.Options.Add(option);
    }

    /// <summary>How this process was started among others that compute with it; null if it was not.</summary>
    public MpiLaunch? Launch { get; set; }

    /// <summary>Whether any of them was given.</summary>
    public bool IsGiven(ParseResult parsed) =>
        ((Option[])[_device, _threads, _matmul]).Any(option => parsed.GetResult(option) is { Implicit: false });

    /// <summary>Opens the device that was asked for.</summary>
    /// <exception cref="InputException">The device does not exist, or it cannot do what was asked.</exception>
    public Device Open(ParseResult parsed) =>
        Open(parsed, Launch is null ? parsed.GetValue(_threads) : Threads(parsed));

    /// <summary>
    /// Opens devices for work in independent parts: one single-threaded processor device for each thread, or the one
    /// GPU.
    /// </summary>
    public IReadOnlyList<Device> OpenEach(ParseResult parsed) => IsProcessor(parsed)
        ? [.. Enumerable.Range(0, Workers(parsed)).Select(_ => Open(parsed, threads: 1))]
        : [Open(parsed)];

    /// <summary>
    /// Describes what the last bits of a result depend on: the kind of device, the width of its vectors, and the
    /// precision of matrix products.
    /// </summary>
    /// <exception cref="InputException">No device has such a name.</exception>
    public string Arithmetic(ParseResult parsed)
    {
        string name = parsed.GetRequiredValue(_device), device = name.Split(':')[0];
        Devices.RequireName(name);
        return $"{device}{(device == Devices.Processor ? $" {VectorBits}" : "")}, {parsed.GetRequiredValue(_matmul)}";
    }

    /// <summary>Describes the device for a report, such as "2 threads" or "cuda:0".</summary>
    public string Describe(ParseResult parsed) =>
        (Launch is { } launch ? $"{launch.Size} ranks of " : "")
        + (IsProcessor(parsed) ? Threads(parsed) is 1 ? "1 thread" : $"{Threads(parsed)} threads" : parsed.GetRequiredValue(_device));

    /// <summary>Describes the machine for a report.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="workers">How many stages are computed at once.</param>
    public MachineDescription Machine(ParseResult parsed, int workers) => new(
        Describe(parsed), workers,
        $"{RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}, {Environment.ProcessorCount} cores, vectors of {VectorBits} bits",
        RuntimeInformation.FrameworkDescription,
        Assembly.GetExecutingAssembly()
            .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "");

    /// <summary>How many stages of a grid are computed at once.</summary>
    public int Workers(ParseResult parsed) => IsProcessor(parsed) ? Threads(parsed) : 1;

    /// <summary>The options that were given, as words of a command line; the threads are left out.</summary>
    public IEnumerable<string> Words(ParseResult parsed) => ((Option<string>[])[_device, _matmul])
        .Where(option => parsed.GetResult(option) is { Implicit: false })
        .SelectMany(option => (string[])[option.Name, parsed.GetRequiredValue(option)]);

    /// <summary>The threads that were asked for; 0 for one per core.</summary>
    public int AskedThreads(ParseResult parsed) => parsed.GetValue(_threads);

    private static int VectorBits =>
        Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;

    private Device Open(ParseResult parsed, int threads) =>
        Devices.Open(Name(parsed), threads, (_products ? parsed.GetValue(_matmul) : null) switch
        {
            "tf32" => MatmulPrecision.Tf32,
            "bf16" => MatmulPrecision.BFloat16,
            _ => MatmulPrecision.Float32,
        });

    /// <summary>
    /// The device's name. A kind of GPU without a number is, of several processes on a machine, the one with the
    /// process's number.
    /// </summary>
    private string Name(ParseResult parsed) => (parsed.GetRequiredValue(_device), Launch) switch
    {
        ("cuda" or "opencl", { } launch) => $"{parsed.GetValue(_device)}:{launch.LocalRank}",
        var (name, _) => name,
    };

    /// <summary>Whether the processor was asked for.</summary>
    public bool IsProcessor(ParseResult parsed) => parsed.GetValue(_device) == Devices.Processor;

    private int Threads(ParseResult parsed) => parsed.GetValue(_threads) is > 0 and var count
        ? count
        : Math.Max(1, Environment.ProcessorCount / (Launch?.LocalSize ?? 1));
}
