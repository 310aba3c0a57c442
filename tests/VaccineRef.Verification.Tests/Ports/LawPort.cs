using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using VaccineRef.Laws;
using VaccineRef.Testing;

namespace VaccineRef.Verification.Tests.Ports;

/// <summary>
/// A port in C#, with a planted fault or without. This test program becomes the port, instead of running tests, where
/// an environment variable names the fault.
/// </summary>
internal static class LawPort
{
    private const string Variable = "VACCINEREF_TEST_PORT";

    /// <summary>The command that starts it.</summary>
    public static string Command(Fault fault)
    {
        string start = $"dotnet \"{typeof(LawPort).Assembly.Location}\"";
        return OperatingSystem.IsWindows() ? $"set {Variable}={fault}&& {start}" : $"{Variable}={fault} exec {start}";
    }

    [ModuleInitializer]
    internal static void Become()
    {
        if (!Enum.TryParse(Environment.GetEnvironmentVariable(Variable), out Fault fault))
            return;
        var step = new PlantedStep(fault);
        while (Console.ReadLine() is { } line && JsonNode.Parse(line) is JsonObject request
            && (string)request["command"]! != "stop")
        {
            Console.Out.WriteLine(Answer(step, request).ToJsonString());
            Console.Out.Flush();
        }

        Environment.Exit(0);
    }

    /// <summary>What the port answers to one message.</summary>
    public static JsonObject Answer(IVaccineStep step, JsonObject request)
    {
        double[] Numbers(JsonNode node) => node.Deserialize<double[]>()!;
        double[][] Sites(string key) => [.. request[key]!.AsArray().Select(site => Numbers(site!))];
        JsonArray One(IEnumerable<double> values) =>
            [.. values.Select(value => double.IsFinite(value) ? (JsonNode)value : null)];
        JsonArray Many(double[][] sites) => [.. sites.Select(One)];
        switch ((string)request["command"]!)
        {
            case "start":
                return new()
                {
                    ["name"] = "C#",
                    ["guard"] = step.Guard,
                    ["models"] = new JsonArray("any", "linear", "adapted"),
                    ["offers"] = new JsonArray("perturb", "gradients", "loss", "weights", "step", "merge"),
                };
            case "perturb":
                return new() { ["epsilon"] = Many(step.Perturb(Sites("gradients"), (double)request["rho"]!)) };
            case "begin":
                var model = Enum.Parse<StepModel>((string)request["model"]!, ignoreCase: true);
                var (sites, columns, seed) = ((int)request["sites"]!, (int)request["columns"]!, (int)request["seed"]!);
                step.Begin(new(sites, columns, 1, 0, seed) { Model = model });
                return [];
            case "gradients":
                return new() { ["gradients"] = Many(step.Gradients((int)request["batch"]!)!) };
            case "loss":
                return new() { ["loss"] = step.Loss((int)request["batch"]!, Sites("epsilon")) };
            case "weights":
                return new() { ["weights"] = One(step.Weights()!) };
            case "set_weights":
                step.SetWeights(Numbers(request["weights"]!));
                return [];
            case "step":
                var batches = request["batches"]!.AsArray()
                    .Select(part => new MicroBatch((int)part!["batch"]!, (double)part["scale"]!));
                var result = step.Step((double)request["rho"]!, [.. batches])!;
                return new()
                {
                    ["gradient"] = One(result.Gradient),
                    ["forwards"] = result.Forwards,
                    ["reverses"] = result.Reverses,
                };
            case "merge":
                step.Merge((bool)request["merged"]!);
                return [];
            default:
                return new() { ["skipped"] = "unknown command" };
        }
    }
}
