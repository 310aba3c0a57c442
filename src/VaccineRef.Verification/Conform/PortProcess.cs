using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using VaccineRef.Core;

namespace VaccineRef.Verification.Conform;

/// <summary>
/// A port as a child process: one JSON object a line on its standard input, one back on its standard output. What it
/// writes to its standard error is its log. A line that is too long, or is no object, is a failure of the port.
/// </summary>
internal sealed class PortProcess : IDisposable
{
    private const int LongestLine = 1 << 20, MostWaiting = 64;

    private readonly Process _process;
    private readonly Channel<string> _lines = Channel.CreateBounded<string>(MostWaiting);

    private PortProcess(Process process, Action<string> log)
    {
        _process = process;
        _process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is { } text)
                log(ConformJson.Clean(text));
        };
        _process.BeginErrorReadLine();
        _ = Task.Run(ReadLines);
    }

    /// <summary>Starts the port through the system's shell, as a user would.</summary>
    /// <exception cref="InputException">It cannot be started at all.</exception>
    public static PortProcess Start(string command, Action<string> log)
    {
        bool windows = OperatingSystem.IsWindows();
        var start = new ProcessStartInfo(windows ? "cmd.exe" : "/bin/sh")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.ArgumentList.Add(windows ? "/c" : "-c");
        start.ArgumentList.Add(command);
        try
        {
            return new(
                Process.Start(start) ?? throw new InputException("a port cannot be started", "--port", command), log);
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            throw new InputException(
                "a port cannot be started", "--port", error.Message, "a command of this system's shell", inner: error);
        }
    }

    /// <summary>Sends one object and waits for one.</summary>
    /// <returns>The answer; null with the reason where there was none in time, or none that is an object.</returns>
    public (JsonObject? Answer, string? Failure) Ask(JsonObject request, TimeSpan patience, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(patience);
        try
        {
            _process.StandardInput.WriteLine(request.ToJsonString());
            _process.StandardInput.Flush();
            string line = _lines.Reader.ReadAsync(limit.Token).AsTask().GetAwaiter().GetResult();
            return JsonNode.Parse(ConformJson.WithoutNaN(line)) is JsonObject answer
                ? (answer, null)
                : (null, "it answered with no JSON object");
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return (null, FormattableString.Invariant($"it did not answer within {patience.TotalSeconds:0.#} s"));
        }
        catch (ChannelClosedException)
        {
            return (null, Ending());
        }
        catch (IOException)
        {
            return (null, Ending());
        }
        catch (JsonException error)
        {
            return (null, $"it answered with no JSON: {ConformJson.Clean(error.Message)}");
        }
    }

    /// <summary>Ends the port: asks it to, then ends the process and what it started.</summary>
    public void Dispose()
    {
        try
        {
            if (!_process.HasExited)
                _process.Kill(entireProcessTree: true);
            _process.WaitForExit(1000);
        }
        catch (Exception error) when (error is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            // it has ended by itself
        }

        _process.Dispose();
    }

    private string Ending() => _process.WaitForExit(1000)
        ? $"it ended with exit code {_process.ExitCode}"
        : "it closed its standard output";

    private void ReadLines()
    {
        var line = new System.Text.StringBuilder();
        try
        {
            for (int next; (next = _process.StandardOutput.Read()) >= 0;)
            {
                if (next == '\n')
                {
                    _lines.Writer.WriteAsync(line.ToString()).AsTask().GetAwaiter().GetResult();
                    line.Clear();
                }
                else if (line.Length < LongestLine)
                {
                    line.Append((char)next);
                }
            }
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // the process is gone
        }

        _lines.Writer.TryComplete();
    }
}
