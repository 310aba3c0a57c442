using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Verification.Conform;

namespace VaccineRef.Verification.Ports;

/// <summary>
/// A Vaccine step in another language, in a process of its own, behind the interface that the laws take. One JSON
/// object a line goes to its standard input, one comes back on its standard output: laws-port.schema.json says which.
/// What the port does not offer is not asked for. A port that crashes or hangs breaks the law under way, and is started
/// again for the next.
/// </summary>
public sealed class PortStep : IVaccineStep, IDisposable
{
    /// <summary>The version of the messages.</summary>
    public const string Schema = "vaccine-laws/1";

    private static readonly string[] Known = ["perturb", "gradients", "loss", "weights", "step", "merge"];

    private readonly string _command;
    private readonly TimeSpan _patience;
    private readonly Action<string> _log;
    private readonly CancellationToken _cancel;
    private PortProcess? _port;
    private HashSet<string> _offers = [], _models = [];

    /// <summary>Starts the port and asks what it offers.</summary>
    /// <param name="command">The port, as a command of the system's shell.</param>
    /// <param name="patience">How long it may take over one answer.</param>
    /// <param name="log">Told what it writes to its standard error.</param>
    /// <param name="cancel">Ends the waiting.</param>
    /// <exception cref="InputException">It does not start, does not answer, or offers what does not exist.</exception>
    public PortStep(string command, TimeSpan patience, Action<string> log, CancellationToken cancel = default)
    {
        (_command, _patience, _log, _cancel) = (command, patience, log, cancel);
        try
        {
            Start();
        }
        catch (SubjectFailedException error)
        {
            throw new InputException(
                "the port does not start", "--port", error.Message,
                $"an answer to {{\"command\":\"start\",\"schema\":\"{Schema}\"}}",
                "docs/laws.md has the messages, and examples/ports/laws a port", error);
        }
    }

    /// <summary>How the port calls itself.</summary>
    public string Name { get; private set; } = "port";

    /// <inheritdoc/>
    public double Guard { get; private set; }

    /// <inheritdoc/>
    public double MachineEpsilon { get; private set; }

    /// <inheritdoc/>
    public double[][] Perturb(double[][] gradients, double rho) => _offers.Contains("perturb")
        ? Ask("perturb", ("gradients", Array(gradients)), ("rho", rho)).Sites("epsilon")
        : throw new NotOfferedException("perturb: not offered");

    /// <inheritdoc/>
    public bool Begin(StepCase drawn)
    {
        string model = drawn.Model.ToString().ToLowerInvariant();
        Restart();
        if (!_models.Contains(model))
            return false;
        Ask("begin", ("model", model), ("sites", drawn.Sites), ("columns", drawn.Columns), ("seed", drawn.Seed));
        return true;
    }

    /// <inheritdoc/>
    public double[][]? Gradients(int batch) =>
        _offers.Contains("gradients") ? Ask("gradients", ("batch", batch)).Sites("gradients") : null;

    /// <inheritdoc/>
    public double? Loss(int batch, double[][] epsilon) =>
        _offers.Contains("loss") ? Ask("loss", ("batch", batch), ("epsilon", Array(epsilon))).Number("loss") : null;

    /// <inheritdoc/>
    public double[]? Weights() => _offers.Contains("weights") ? Ask("weights").Numbers("weights") : null;

    /// <inheritdoc/>
    public void SetWeights(double[] weights) => Ask("set_weights", ("weights", Array(weights)));

    /// <inheritdoc/>
    public StepResult? Step(double rho, IReadOnlyList<MicroBatch> batches)
    {
        if (!_offers.Contains("step"))
            return null;
        var parts = new JsonArray(
            [.. batches.Select(one => (JsonNode)new JsonObject { ["batch"] = one.Batch, ["scale"] = one.Scale })]);
        var answer = Ask("step", ("rho", rho), ("batches", parts));
        return new(answer.Numbers("gradient"), answer.Count("forwards"), answer.Count("reverses"));
    }

    /// <inheritdoc/>
    public bool Merge(bool merged)
    {
        if (!_offers.Contains("merge"))
            return false;
        Ask("merge", ("merged", merged));
        return true;
    }

    /// <summary>Asks the port to stop, and ends it.</summary>
    public void Dispose()
    {
        _port?.Ask(new JsonObject { ["command"] = "stop" }, TimeSpan.FromSeconds(1), CancellationToken.None);
        End();
    }

    private void Restart()
    {
        if (_port is null)
            Start();
    }

    private void Start()
    {
        _port = PortProcess.Start(_command, _log);
        var answer = Send(new JsonObject { ["command"] = "start", ["schema"] = Schema });
        Name = answer.Text("name") ?? "port";
        Guard = answer.OptionalNumber("guard") ?? 1e-7;
        MachineEpsilon = answer.Text("dtype") switch
        {
            "float64" or null => Math.ScaleB(1, -52),
            "float32" => Math.ScaleB(1, -23),
            var other => throw new InputException(
                "a port computes in an unknown type", "--port, dtype", other, "float64 or float32"),
        };
        _offers = Names(answer, "offers", Known);
        _models = Names(answer, "models", [.. Enum.GetNames<StepModel>().Select(name => name.ToLowerInvariant())]);
    }

    private static HashSet<string> Names(PortAnswer answer, string key, string[] known)
    {
        var names = answer.Texts(key).ToHashSet();
        return names.Except(known).FirstOrDefault() is { } unknown
            ? throw new InputException(
                $"a port names something unknown in its {key}", $"--port, {key}", unknown, string.Join(", ", known))
            : names;
    }

    private PortAnswer Ask(string command, params ReadOnlySpan<(string Key, JsonNode Value)> parts)
    {
        Restart();
        var request = new JsonObject { ["command"] = command };
        foreach (var (key, value) in parts)
            request[key] = value;
        return Send(request);
    }

    /// <summary>
    /// Sends one message. An error that the port reports breaks the law; a port that does not answer is ended.
    /// </summary>
    private PortAnswer Send(JsonObject request)
    {
        string command = (string)request["command"]!;
        var (answer, failure) = _port!.Ask(request, _patience, _cancel);
        if (answer is null)
        {
            End();
            throw new SubjectFailedException($"the port was asked to {command}: {failure}");
        }

        var read = new PortAnswer(command, answer);
        if (read.Text("skipped") is { } skipped)
            throw new NotOfferedException($"{command}: {skipped}");
        return read.Text("error") is { } error
            ? throw new InvalidOperationException($"the port was asked to {command} and reports: {error}")
            : read;
    }

    private void End()
    {
        _port?.Dispose();
        _port = null;
    }

    private static JsonArray Array(double[][] sites) => [.. sites.Select(site => (JsonNode)Array(site))];

    private static JsonArray Array(double[] values) => [.. values.Select(value => double.IsFinite(value)
        ? JsonValue.Create(value)
        : throw new InvalidOperationException(
            $"the port gave {value}, which is no number that could be sent back to it"))];
}
