using System.Runtime.ExceptionServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;

namespace VaccineRef.Fuzz;

/// <summary>
/// What a run that was stopped, or a grid, finds again. It is read as the commands read it, and where they would go on
/// to compute, the reading ends: the surfaces resume and grid are the whole commands.
/// </summary>
internal static partial class KeptSurfaces
{
    private const string Run = "run", Again = "again", Attack = "attack", Checkpoints = "checkpoint-*.safetensors";

    private static readonly string[] Failing =
        ["attack.training.learning_rate=1e30", "attack.training.max_steps=8", "checkpoint={\"every_steps\":1}"];

    private static readonly string[] OfCells = ["result.json", "store.json", "answers.jsonl"],
        OfModels = ["adapter_config.json", "adapter_model.safetensors", "weights.sha256"];

    public static IReadOnlyList<Surface> All { get; } =
    [
        new("checkpoint", Failed, [Checkpoints], GoOn),
        new("checkpoint-file", OneFile, [Checkpoints], folder => SealedSafetensors.Open(Directory.GetFiles(folder).Single()).Dispose()),
        new("cache", Grid, [.. OfCells, .. OfModels], Keep),
        new("resume", Failed, [Checkpoints], folder =>
        {
            Renew(folder, "");
            CommandLine.Run([.. RunOf(folder, Again), "--resume"]);
        }),
        new("grid", Grid, OfCells, Lab),
    ];

    private static string[] RunOf(string folder, string name) =>
    [
        Run, Path.Combine(folder, SmallExperiment.Recipe), "--out", Path.Combine(folder, name), "--threads", "1",
        .. Failing.SelectMany(assignment => (string[])["--set", assignment]),
    ];

    // a stage that fails keeps its checkpoints: numbers that are no numbers, behind a whole step
    private static void Failed(string folder, int seed)
    {
        SmallExperiment.Write(folder);
        CommandLine.Run(RunOf(folder, Run));
        if (Directory.GetFiles(folder, Checkpoints, SearchOption.AllDirectories).Length == 0)
            throw new UnexpectedEndException("the run that was to fail has no checkpoint");
    }

    private static void OneFile(string folder, int seed)
    {
        string aside = Path.Combine(folder, "aside");
        Failed(aside, seed);
        string path = Directory.GetFiles(aside, Checkpoints, SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .First();
        File.Move(path, Path.Combine(folder, Path.GetFileName(path)));
        Directory.Delete(aside, recursive: true);
    }

    private static void Grid(string folder, int seed)
    {
        SmallExperiment.Write(folder, recipe =>
        {
            recipe["keep"] = new JsonObject { ["stages"] = new JsonArray(Attack), ["seeds"] = 0 };
            recipe["grid"] = new JsonObject { ["seed"] = new JsonArray(1, 2) };
        });
        Lab(folder);
    }

    private static void Lab(string folder) => CommandLine.Run(
        "lab", "--recipe", Path.Combine(folder, SmallExperiment.Recipe), "--out", Path.Combine(folder, "grid"),
        "--cache", Path.Combine(folder, "cache"),
        "--threads", "1");

    /// <summary>Goes on with the stage that was stopped, up to where it would take a step.</summary>
    private static Action GoOn(string folder)
    {
        var (device, plan) = (new CpuDevice(threads: 1), Plan(folder, Failing));
        string again = Path.Combine(folder, Again);
        SmallExperiment.Copy(Path.Combine(folder, Run), again);
        return () =>
        {
            Renew(folder, Attack);
            Compute(plan, StageStore.Run(again), device);
        };
    }

    /// <summary>
    /// Takes what a cache holds: every cell with its answers, the report of them all, and the models.
    /// </summary>
    private static Action Keep(string folder)
    {
        var (device, plan) = (new CpuDevice(threads: 1), Plan(folder));
        var grid = new ExperimentGrid(plan.Trials[0].Recipe, RecipeFormat.Standard);
        string cache = Path.Combine(folder, "cache");
        FinishedRun[] runs = [.. plan.Trials.Select(
            trial => FinishedRun.Open(Path.Combine(folder, "grid"), plan.Arithmetic, [$"{trial.Seed}"], cache))];
        return () =>
        {
            var store = StageStore.Cache(cache);
            store.Require(plan);
            var outcome = Compute(plan, store, device);
            ExperimentReport.Of(grid, plan, outcome, new([], []), RecipeFormat.Standard, null);
            foreach (var node in plan.Nodes)
                store.AnswersOf(node);
            foreach (var run in runs)
                run.Load<float>(run.Stages[^1], device).Dispose();
        };
    }

    private static StagePlan Plan(string folder, params string[] assignments)
    {
        var recipe = RecipeFormat.Standard.Read(Path.Combine(folder, SmallExperiment.Recipe), assignments);
        string result = Directory.GetFiles(folder, "result.json", SearchOption.AllDirectories)[0];
        string arithmetic = JsonNode.Parse(File.ReadAllText(result))!["arithmetic"]!.GetValue<string>();
        return new(
            new ExperimentGrid(recipe, RecipeFormat.Standard).Trials(), RecipeFormat.Standard, new DataFiles(folder),
            arithmetic);
    }

    private static RunOutcome Compute(StagePlan plan, StageStore store, Device device)
    {
        using var stop = new CancellationTokenSource();
        var outcome = ExperimentRun.Run(
            plan, store, [device],
            at =>
            {
                if (at.Running.Any(stage => stage.Records.Count > 0))
                    stop.Cancel();
            },
            stop.Token, device);
        if (outcome.Failures is [var failed, ..])
            ExceptionDispatchInfo.Throw(failed.Error);
        return outcome;
    }

    /// <summary>Copies what is altered beside, and puts the digests right that an alteration made wrong.</summary>
    private static void Renew(string folder, string part)
    {
        string again = Path.Combine(folder, Again, part);
        if (Directory.Exists(again))
            Directory.Delete(again, recursive: true);
        SmallExperiment.Copy(Path.Combine(folder, Run, part), again);
        foreach (string path in Directory.GetFiles(again, Checkpoints, SearchOption.AllDirectories))
            Seal(path);
    }

    /// <summary>Puts the digest right, and the length: what is behind them would never be read otherwise.</summary>
    private static void Seal(string path)
    {
        try
        {
            SealedSafetensors.Open(path).Dispose();
        }
        catch (CheckpointException damaged) when (Digest().Matches(damaged.Message) is [var found, var expected])
        {
            string content = Encoding.Latin1.GetString(File.ReadAllBytes(path));
            File.WriteAllBytes(
                path, Encoding.Latin1.GetBytes(content.Replace(expected.Value, found.Value, StringComparison.Ordinal)));
        }
        catch (CheckpointException)
        {
            if (Fit(path))
                Seal(path);         // otherwise it is no file of tensors: it is read as it is
        }
    }

    /// <summary>Gives a file the length that its header announces.</summary>
    /// <returns>Whether it had another one.</returns>
    private static bool Fit(string path)
    {
        byte[] content = File.ReadAllBytes(path);
        var header = SeedFile.HeaderOf(content);
        if (header.IsEmpty)
            return false;
        long length = sizeof(long) + header.Length + End(header.ToArray());
        if (length == content.Length || length > 2 * content.Length)
            return false;
        Array.Resize(ref content, (int)length);
        File.WriteAllBytes(path, content);
        return true;
    }

    private static long End(ReadOnlyMemory<byte> header)
    {
        try
        {
            using var json = JsonDocument.Parse(header);
            return json.RootElement.ValueKind
                != JsonValueKind.Object ? 0 : json.RootElement.EnumerateObject().Max(tensor =>
                tensor.Value.ValueKind == JsonValueKind.Object
                    && tensor.Value.TryGetProperty("data_offsets", out var offsets)
                    && offsets.ValueKind == JsonValueKind.Array && offsets.GetArrayLength() == 2
                    && offsets[1].ValueKind == JsonValueKind.Number
                    && offsets[1].TryGetInt32(out int end) ? Math.Max(0, end) : 0);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return 0;
        }
    }

    [GeneratedRegex(@"\b[0-9a-f]{64}\b", RegexOptions.CultureInvariant)]
    private static partial Regex Digest();
}
