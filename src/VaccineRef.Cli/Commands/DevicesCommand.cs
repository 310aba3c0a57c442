using System.CommandLine;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Spectre.Console;
using VaccineRef.Gpu;

namespace VaccineRef.Cli.Commands;

/// <summary>
/// The command vaccine devices: lists the devices that can compute, and for the others why they cannot.
/// </summary>
internal static class DevicesCommand
{
    public static Command Create()
    {
        var command = new Command("devices", "List the devices of this machine, with what they have.");
        command.AddExamples("vaccine devices", "vaccine bench --device cpu --threads 4");
        command.SetAction(_ => ExitCode.Of(_ => Show()));
        return command;
    }

    private static int Show()
    {
        long memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        int bits = Vector512.IsHardwareAccelerated
            ? 512
            : Vector256.IsHardwareAccelerated ? 256 : Vector<byte>.Count * 8;
        string processor =
            $"{RuntimeInformation.ProcessArchitecture}, {Environment.ProcessorCount} threads, {bits}-bit vectors";
        var gpus = Devices.List();
        var console = Terminal.Open();
        Tables.Write(
            console, ["device", "what", "memory", "usable"],
            [
                [Devices.Processor, processor, Gibibytes(memory), "yes"],
                .. gpus.Select(gpu => (string[])
                [
                    gpu.Name, $"{gpu.Model}, {gpu.Capabilities}, {gpu.Multiprocessors} multiprocessors",
                    Gibibytes(gpu.MemoryBytes),
                    gpu.Unusable is null ? "yes" : $"no: {gpu.Unusable}",
                ]),
                [Devices.Simulator, "GPU kernels on the processor, for tests: slow", Gibibytes(memory), "yes"],
            ]);
        foreach (string kind in (string[])["cuda", "opencl"])
            if (!gpus.Any(gpu => gpu.Name.StartsWith(kind, StringComparison.Ordinal)))
                console.WriteLine($"No {kind} device: no driver is installed, or it lists none.");
        return ExitCode.Done;
    }

    private static string Gibibytes(long bytes) => $"{bytes / (double)(1L << 30):F1} GiB";
}
