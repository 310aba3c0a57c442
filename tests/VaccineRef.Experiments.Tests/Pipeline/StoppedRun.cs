using System.Text.Json;
using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Experiments.Tests.Pipeline;

/// <summary>
/// A run of one trial, in double, whose stages take milliseconds: pre-training, alignment with dropout, attack with a
/// curve. It has a folder of its own, with a note in it that is not the program's, and is gone afterwards.
/// </summary>
internal sealed class StoppedRun : IDisposable
{
    private const string Text = """
        {
          "name": "stopped", "precision": "double", "seed": 3, "model": { "kind": "world", "hidden": 4, "layers": 1, "heads": 1 },
          "world": { "test_count": 2, "pool_count": 24, "alignment_refusals": 4, "alignment_helpful": 4, "probe_count": 2 },
          "stages": [
            {
              "name": "align", "data": { "kind": "world_alignment" }, "rule": { "kind": "accelerated_vaccine", "rho": 0.5, "tau": 2 },
              "adapter": { "kind": "lora", "rank": 1, "alpha": 2, "dropout": 0.1 },
              "training": { "max_steps": 3, "batch_size": 2, "learning_rate": 3e-3, "schedule": "cosine", "warmup_ratio": 0.2 }
            },
            {
              "name": "attack", "data": { "kind": "world_attack", "harmful_ratio": 0.5, "samples": 6 },
              "training": { "epochs": 1, "batch_size": 2, "learning_rate": 3e-3 }
            }
          ],
          "evaluation": { "kind": "world", "curve_points": 2, "perturbation_points": 3, "projected_prompts": 1, "drift_geometry": true, "sharpness": 0.1 },
          "checkpoint": { "every_steps": 1 }
        }
        """;

    private const string Memory = "/dev/shm";           // flushing a disk thousands of times would take minutes

    private readonly string[] _set;
    private readonly bool _isGuest;

    /// <summary>A run in the folder of another one, which removes it.</summary>
    public StoppedRun(string[] set, string folder) => (_set, Folder, _isGuest) = (set, folder, true);

    public StoppedRun(params string[] set)
    {
        _set = set;
        Folder = Directory.Exists(Memory)
            ? Directory.CreateDirectory(Path.Combine(Memory, $"vaccineref-{Guid.NewGuid():N}")).FullName
            : Directory.CreateTempSubdirectory("vaccineref-").FullName;
        foreach (string place in (string[])["", "align"])
        {
            Directory.CreateDirectory(Path.Combine(Folder, place));
            File.WriteAllText(Path.Combine(Folder, place, Note), "mine");
        }
    }

    /// <summary>The name of a file that is the user's.</summary>
    public const string Note = "note.txt";

    public string Folder { get; }

    public List<string> Notices { get; } = [];

    /// <summary>Goes on, or begins.</summary>
    /// <param name="threads">Threads of the device.</param>
    /// <param name="progress">Told of everything.</param>
    /// <param name="arithmetic">The arithmetic that the plan names.</param>
    /// <param name="on">The device; by default a processor with that many threads.</param>
    /// <param name="cancel">Stops it.</param>
    public ExperimentReport Run(
        int threads = 1, Action<RunProgress>? progress = null, string arithmetic = "cpu", Device? on = null,
        CancellationToken cancel = default)
    {
        var grid = new ExperimentGrid(RecipeFormat.Standard.Parse(Text, "stopped", _set), RecipeFormat.Standard);
        var plan = TinyGrid.Plan(grid, arithmetic);
        using var device = new CpuDevice(threads);
        var outcome = ExperimentRun.Run(plan, StageStore.Run(Folder), [on ?? device], at =>
        {
            if (at.Notice is { } sentence)
                Notices.Add(sentence);
            progress?.Invoke(at);
        }, cancel);
        return ExperimentReport.Of(grid, plan, outcome, new DataManifest([], []), RecipeFormat.Standard, null);
    }

    /// <summary>Goes on, or begins, on ranks that are threads.</summary>
    /// <param name="ranks">How many.</param>
    /// <param name="progress">Told of everything on every rank.</param>
    /// <param name="cancel">Stops a rank.</param>
    public void RunOn(int ranks, Action<int, RunProgress>? progress = null, Func<int, CancellationToken>? cancel = null)
    {
        var grid = new ExperimentGrid(RecipeFormat.Standard.Parse(Text, "stopped", _set), RecipeFormat.Standard);
        LocalRanks.Run(ranks, rank =>
        {
            using var device = new CpuDevice(1);
            ExperimentRun.Run(
                TinyGrid.Plan(grid, ranks: ranks), StageStore.Run(Folder, writes: rank.Rank == 0), [device],
                at => progress?.Invoke(rank.Rank, at), cancel?.Invoke(rank.Rank) ?? default, ranks: new(rank));
        });
    }

    /// <summary>Every file of the folder under its name, without times; a temporary name ends the test.</summary>
    public IReadOnlyDictionary<string, string> Files() => Directory.GetFiles(Folder, "*", SearchOption.AllDirectories)
        .ToDictionary(path => Path.GetRelativePath(Folder, path), Content);

    /// <summary>The report without times.</summary>
    public static string Json(ExperimentReport report) => JsonSerializer.Serialize(report.WithoutTimes());

    public void Dispose()
    {
        if (!_isGuest)
            Directory.Delete(Folder, recursive: true);
    }

    private static string Content(string path) => Path.GetExtension(path) switch
    {
        ".json" when JsonNode.Parse(File.ReadAllText(path)) is JsonObject json && json.ContainsKey("times") =>
            Without(json, "times"),
        ".jsonl" when Path.GetFileName(path) == "steps.jsonl" =>
            string.Join(
                '\n', File.ReadLines(path).Select(line => Without((JsonObject)JsonNode.Parse(line)!, "seconds"))),
        _ => Convert.ToBase64String(File.ReadAllBytes(path)),
    };

    private static string Without(JsonObject json, string key)
    {
        json.Remove(key);
        return json.ToJsonString();
    }
}
