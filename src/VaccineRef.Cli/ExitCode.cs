using System.Runtime.InteropServices;
using VaccineRef.Core;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Gpu;

namespace VaccineRef.Cli;

/// <summary>
/// The exit codes that the program returns to a script. This is the only place that turns exceptions into exit codes.
/// </summary>
internal static class ExitCode
{
    public const int Done = 0, Failed = 1, WrongInput = 2, TryAgain = 75, HungUp = 129, Interrupted = 130,
        Terminated = 143;

    private const int FirstSignal = 128;

    /// <summary>
    /// Runs the body of a command. The first Ctrl-C (or SIGTERM or SIGUSR2, which schedulers send, or SIGHUP, which a
    /// closed terminal sends) cancels the token, so that the body ends after the current step, with everything written.
    /// The second one ends the process at once. The exit code names the signal as a shell does: 128 and its number.
    /// </summary>
    public static int Of(Func<CancellationToken, int> body)
    {
        using var source = new CancellationTokenSource();
        _ = Console.Error;                  // opened now: later there may be no file descriptor left to say so
        int stopped = Interrupted;
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = !source.IsCancellationRequested;
            if (signal.Cancel)
                Volatile.Write(ref stopped, Of(signal.Signal));
            source.Cancel();
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);
        using var user = User2 is { } number ? PosixSignalRegistration.Create(number, Stop) : null;
        try
        {
            int code = body(source.Token);
            return source.IsCancellationRequested ? Volatile.Read(ref stopped) : code;
        }
        catch (Exception error)
        {
            return Told(error, Volatile.Read(ref stopped));
        }
    }

    private static int Of(PosixSignal signal) => signal switch
    {
        PosixSignal.SIGHUP => HungUp,
        PosixSignal.SIGTERM => Terminated,
        PosixSignal.SIGINT => Interrupted,
        var number => FirstSignal + (int)number,
    };

    // SIGUSR2 has no name in .NET, so its number on this system stands for it; Windows has no such signal.
    private static PosixSignal? User2 =>
        OperatingSystem.IsLinux() ? (PosixSignal)12 : OperatingSystem.IsMacOS() ? (PosixSignal)31 : null;

    /// <summary>The exit code that an error has.</summary>
    public static int CodeOf(Exception error) => Meaning(error, Interrupted).Code;

    /// <summary>What is printed of an error.</summary>
    public static string TextOf(Exception error) => Meaning(error, Interrupted).Text;

    /// <summary>Says what an error is, on standard error, and gives its exit code.</summary>
    /// <param name="error">What was thrown.</param>
    /// <param name="stopped">The code of a run that was stopped.</param>
    public static int Told(Exception error, int stopped = Interrupted)
    {
        var (code, text) = Meaning(error, stopped);
        Console.Error.WriteLine($"vaccine: {text}");
        return code;
    }

    private static (int Code, string Text) Meaning(Exception error, int stopped) =>
        error switch
        {
            IOException when Part(error) is { } part => (Failed, Missing(part, error)),
            InputException or IOException or UnauthorizedAccessException => (WrongInput, error.Message),
            NonFiniteException or DivergedException or DeviceLostException or KernelMissingException
                or RankFailedException =>
                (Failed, error.Message),
            OperationCanceledException => (stopped, "interrupted"),
            OutOfMemoryException memory => (Failed, MemoryTrouble.Of(memory).Message),
            _ => (Failed, $"this should not have happened, please report it{Environment.NewLine}{error}"),
        };

    // The runtime names an assembly as "ILGPU, Version=1.5.3.0, ...", and a file by its path.
    private static string? Part(Exception error)
    {
        string? name = error is FileNotFoundException missing
            ? missing.FileName
            : (error as FileLoadException)?.FileName;
        return name?.Split(", Version=") is [var part, _] ? part : null;
    }

    // The runtime says "cannot find the file" for a missing file as for a lack of file descriptors.
    private static string Missing(string part, Exception error) => new InputException(
        "a part of the program cannot be loaded", part, error.Message.ReplaceLineEndings(" ").Trim(),
        "all files of the program, and file descriptors to open them",
        "raise the limit of open files (ulimit -n 1024), or install the program again", error).Message;
}
