using VaccineRef.Core;

namespace VaccineRef.Cli;

/// <summary>What the program leaves behind for a script, and the one place where exceptions become it.</summary>
internal static class ExitCode
{
    public const int Done = 0, Failed = 1, WrongInput = 2, Interrupted = 130;

    /// <summary>
    /// Runs a command's body. The first Ctrl-C cancels the token, and the body ends after the step under way with everything
    /// written; the second ends the process.
    /// </summary>
    public static int Of(Func<CancellationToken, int> body)
    {
        using var source = new CancellationTokenSource();
        void Interrupt(object? sender, ConsoleCancelEventArgs key)
        {
            key.Cancel = !source.IsCancellationRequested;
            source.Cancel();
        }

        Console.CancelKeyPress += Interrupt;
        try
        {
            int code = body(source.Token);
            return source.IsCancellationRequested ? Interrupted : code;
        }
        catch (InputException error)
        {
            Console.Error.WriteLine($"vaccine: {error.Message}");
            return WrongInput;
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("vaccine: interrupted");
            return Interrupted;
        }
        catch (NonFiniteException error)
        {
            Console.Error.WriteLine($"vaccine: {error.Message}");
            return Failed;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"vaccine: {error.Message}");
            return WrongInput;
        }
        catch (OutOfMemoryException)
        {
            Console.Error.WriteLine("vaccine: out of memory" + Environment.NewLine + "  remedy:   a smaller batch or model");
            return Failed;
        }
        finally
        {
            Console.CancelKeyPress -= Interrupt;
        }
    }
}
