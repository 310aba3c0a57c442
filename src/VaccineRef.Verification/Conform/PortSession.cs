using System.Text.Json.Nodes;
using VaccineRef.Core;

namespace VaccineRef.Verification.Conform;

/// <summary>
/// Runs a port over the cases of a kit: start, then a case at a time, then stop. A case that the port does not survive
/// ends that case; the port is started again for the next one.
/// </summary>
/// <param name="command">The port, as a command of the system's shell.</param>
/// <param name="kitFolder">The kit.</param>
/// <param name="patience">How long it may take over one case.</param>
/// <param name="log">Told what the port writes to its standard error.</param>
public sealed class PortSession(string command, string kitFolder, TimeSpan patience, Action<string> log)
{
    private PortProcess? _port;

    /// <summary>Runs the cases and judges each.</summary>
    /// <param name="cases">The case folders.</param>
    /// <param name="output">Where the traces go: a folder for each case.</param>
    /// <param name="checker">Judges them.</param>
    /// <param name="onCase">Told of each case when it is judged.</param>
    /// <param name="cancel">Ends the run after the case under way.</param>
    public IReadOnlyList<CaseReport> Run(
        IReadOnlyList<string> cases, string output, ConformanceChecker checker, Action<CaseReport>? onCase = null,
        CancellationToken cancel = default)
    {
        List<CaseReport> reports = [];
        try
        {
            foreach (string folder in cases)
            {
                cancel.ThrowIfCancellationRequested();
                reports.Add(RunCase(folder, Path.Combine(output, Path.GetFileName(folder)), checker, cancel));
                onCase?.Invoke(reports[^1]);
            }

            _port?.Ask(new JsonObject { ["command"] = "stop" }, TimeSpan.FromSeconds(1), cancel);
            return reports;
        }
        finally
        {
            End();
        }
    }

    private CaseReport RunCase(string folder, string output, ConformanceChecker checker, CancellationToken cancel)
    {
        string name = Path.GetFileName(folder);
        if (_port is null && Begin(cancel) is { } refused)
            return Crashed(name, refused);
        Directory.CreateDirectory(output);
        var request = new JsonObject { ["command"] = "case", ["name"] = name, ["dir"] = Path.GetFullPath(folder), ["out"] = Path.GetFullPath(output) };
        var (answer, failure) = _port!.Ask(request, patience, cancel);
        if (answer is null)
        {
            End();
            return Crashed(name, failure!);
        }

        if (ConformJson.Text(answer, "skipped") is { } skipped || answer["skipped"] is JsonValue)
            return new(name, Verdict.Skipped) { Reason = ConformJson.Text(answer, "reason") ?? ConformJson.Text(answer, "skipped") ?? "no reason given" };
        if (answer["error"] is not null)
            return Crashed(name, ConformJson.Text(answer, "error") ?? "an error without a text");
        if (ConformJson.Text(answer, "trace") is not { } trace)
            return Crashed(name, "it answered with none of trace, skipped, error");
        try
        {
            return checker.Check(trace, kitFolder) is var report && report.Case == name
                ? report
                : Crashed(name, $"its trace is of the case {ConformJson.Clean(report.Case)}");
        }
        catch (InputException error)
        {
            return Crashed(name, ConformJson.Clean(error.Message));
        }
    }

    /// <summary>Starts the port; null, or why it is not there.</summary>
    private string? Begin(CancellationToken cancel)
    {
        _port = PortProcess.Start(command, log);
        var request = new JsonObject { ["command"] = "start", ["schema"] = TraceManifest.CurrentSchema, ["kit"] = Path.GetFullPath(kitFolder) };
        var (answer, failure) = _port.Ask(request, patience, cancel);
        if (answer is not null && answer["error"] is null)
            return null;
        End();
        return failure ?? ConformJson.Text(answer!, "error") ?? "it refused to start";
    }

    private void End()
    {
        _port?.Dispose();
        _port = null;
    }

    private static CaseReport Crashed(string name, string reason) =>
        new(name, Verdict.Crashed) { Reason = ConformJson.Clean(reason) };
}
