using System.Runtime.InteropServices;
using VaccineRef.Core;
using VaccineRef.Gpu;

namespace VaccineRef.Cli;

/// <summary>What the program leaves behind for a script, and the one place where exceptions become it.</summary>
internal static class ExitCode
{
    public const int Done = 0, Failed = 1, WrongInput = 2, Interrupted = 130;

    /// <summary>
    /// Runs a command's body. The first Ctrl-C (or SIGTERM, as schedulers send it) cancels the token, and the body ends after the
    /// step under way with everything written; the second ends the process.
    /// </summary>
    public static int Of(Func<CancellationToken, int> body)
    {
        using var source = new CancellationTokenSource();
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = !source.IsCancellationRequested;
            source.Cancel();
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            int code = body(source.Token);
            return source.IsCancellationRequested ? Interrupted : code;
        }
        catch (Exception error)
        {
            return Of(error);
        }
    }

    private static int Of(Exception error)
    {
        var (code, text) = error switch
        {
            InputException or IOException or UnauthorizedAccessException => (WrongInput, error.Message),
            NonFiniteException or DeviceLostException or KernelMissingException => (Failed, error.Message),
            OperationCanceledException => (Interrupted, "interrupted"),
            OutOfMemoryException => (Failed, $"out of memory{Environment.NewLine}  remedy:   a smaller batch or model"),
            _ => (Failed, $"this should not have happened, please report it{Environment.NewLine}{error}"),
        };
        Console.Error.WriteLine($"vaccine: {text}");
        return code;
    }
}
