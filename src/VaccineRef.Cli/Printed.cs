using System.Text;
using VaccineRef.Core;

namespace VaccineRef.Cli;

/// <summary>
/// Standard output or error while a command runs. What is printed may be written to a file on a disk that is full: of
/// standard output that is an error as of any other file, and standard error loses it, for nothing is left to say it
/// with, and the exit code remains.
/// </summary>
/// <param name="inner">Where it is printed.</param>
/// <param name="isNeeded">Whether a failure is an error.</param>
internal sealed class Printed(TextWriter inner, bool isNeeded) : TextWriter
{
    /// <inheritdoc/>
    public override Encoding Encoding => inner.Encoding;

    /// <summary>Runs what prints, and puts the two streams back as they were.</summary>
    public static int While(Func<int> body)
    {
        var (output, error) = (Console.Out, Console.Error);
        Console.SetOut(new Printed(output, isNeeded: true));
        Console.SetError(new Printed(error, isNeeded: false));
        try
        {
            return body();
        }
        catch (InputException lost)                     // where help is printed, before any command has begun
        {
            return ExitCode.Told(lost);
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(error);
        }
    }

    /// <inheritdoc/>
    public override void Write(char value) => Try(() => inner.Write(value));

    /// <inheritdoc/>
    public override void Write(char[] buffer, int index, int count) => Try(() => inner.Write(buffer, index, count));

    /// <inheritdoc/>
    public override void Write(string? value) => Try(() => inner.Write(value));

    /// <inheritdoc/>
    public override void WriteLine(string? value) => Try(() => inner.WriteLine(value));

    /// <inheritdoc/>
    public override void Flush() => Try(inner.Flush);

    private void Try(Action print)
    {
        try
        {
            print();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            if (isNeeded)
                throw new InputException(
                    "what is printed cannot be written", "standard output", error.Message,
                    "a terminal, a pipe, or a file with room for it",
                    "free some space, or redirect standard output to another place", error);
        }
    }
}
