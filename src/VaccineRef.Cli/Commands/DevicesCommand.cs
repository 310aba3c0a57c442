using System.CommandLine;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Spectre.Console;

namespace VaccineRef.Cli.Commands;

/// <summary>vaccine devices: where work can be done.</summary>
internal static class DevicesCommand
{
    public static Command Create()
    {
        var command = new Command("devices", "List the devices that can run, with what they have.");
        command.SetAction(_ => ExitCode.Of(_ => Show()));
        return command;
    }

    private static int Show()
    {
        double gibibytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (double)(1L << 30);
        int bits = Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector<byte>.Count * 8;
        string[] cpu =
        [
            "cpu", $"{RuntimeInformation.ProcessArchitecture} processor", $"{Environment.ProcessorCount}", $"{bits} bits",
            $"{gibibytes:F1} GiB",
        ];
        var console = Terminal.Open();
        Tables.Write(console, ["device", "what", "threads", "vectors", "memory"], [cpu]);
        console.WriteLine("This version has CPU kernels only; it looks for no other device.");
        return ExitCode.Done;
    }
}
