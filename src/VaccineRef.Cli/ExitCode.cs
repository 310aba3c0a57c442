using System.Runtime.InteropServices;
using VaccineRef.Core;
using VaccineRef.Gpu;

namespace VaccineRef.Cli;

/// <summary>
/// The exit codes that the program returns to a script. This is the only place that turns exceptions into exit codes.
/// </summary>
internal static class ExitCode
{
    public const int Done = 0, Failed = 1, WrongInput = 2, Interrupted = 130;

    /// <summary>
    /// Runs the body of a command. The first Ctrl-C (or SIGTERM, which schedulers send) cancels the token, so that the
    /// body ends after the current step, with everything written. The second one ends the process at once.
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
