using VaccineRef.Testing;

namespace VaccineRef.Fuzz;

/// <summary>Recipes, and what a run or a grid wrote: its folder, its cache and its report.</summary>
internal static class RunSurfaces
{
    public static IReadOnlyList<Surface> All { get; } =
    [
        new("recipe", Recipe, ["recipe.json"], folder => CommandLine.Run("plan", Path.Combine(folder, "recipe.json"), "--no-time")) { Seeds = 2 },
        new("run", Finished, ["*.json", "*.safetensors", "*.jsonl"], folder => CommandLine.Run("evaluate", Path.Combine(folder, "run"), "--stage", "attacked")),
        new("report", Finished, ["report.json"], folder => CommandLine.Run("compare", Path.Combine(folder, "run"))),
        new("checkpoint", Failed, ["checkpoint-*.safetensors", "steps.jsonl", "begun.txt"], GoOn),
        new("cache", Grid, ["result.json", "store.json", "*.safetensors", "*.jsonl"], Resume),
    ];

    private static void Recipe(string folder, int seed)
    {
        Experiment(folder);
        if (seed == 1)
            File.WriteAllText(Path.Combine(folder, "recipe.json"), TinyExperiment.FormerRecipeText);
    }

    private static void Experiment(string folder)
    {
        using var made = new TinyExperiment();
        Copy(made.Folder, folder);
    }

    private static void Copy(string from, string to)
    {
        foreach (string path in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(to, Path.GetRelativePath(from, path));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(path, copy);
        }
    }

    private static void Finished(string folder, int seed)
    {
        Experiment(folder);
        CommandLine.Run("run", Path.Combine(folder, "recipe.json"), "--out", Path.Combine(folder, "run"), "--threads", "1");
    }

    // a stage that fails keeps its checkpoints: numbers that are no numbers, behind a whole step
    private static void Failed(string folder, int seed)
    {
        Experiment(folder);
        CommandLine.Run([.. Attack("run", folder), "--set", "checkpoint={\"every_steps\":1}"]);
        if (Directory.GetFiles(folder, "checkpoint-*", SearchOption.AllDirectories).Length == 0)
            throw new UnexpectedEndException("the run that was to fail has no checkpoint");
    }

    private static void GoOn(string folder)
    {
        string again = Path.Combine(folder, "again");
        if (Directory.Exists(again))
            Directory.Delete(again, recursive: true);
        Copy(Path.Combine(folder, "run"), again);
        CommandLine.Run([.. Attack("again", folder), "--set", "checkpoint={\"every_steps\":1}", "--resume"]);
    }

    private static string[] Attack(string name, string folder) =>
    [
        "run", Path.Combine(folder, "recipe.json"), "--out", Path.Combine(folder, name), "--threads", "1",
        "--set", "attack.training.learning_rate=1e30", "--set", "attack.training.max_steps=8",
    ];

    private static void Grid(string folder, int seed)
    {
        Experiment(folder);
        string text = TinyExperiment.RecipeText.TrimEnd();
        File.WriteAllText(Path.Combine(folder, "recipe.json"), text[..^1] + """ "grid": { "seed": [1, 2] } }""");
        Resume(folder);
    }

    private static void Resume(string folder) => CommandLine.Run(
        "lab", "--recipe", Path.Combine(folder, "recipe.json"), "--out", Path.Combine(folder, "grid"), "--cache", Path.Combine(folder, "cache"), "--threads", "1");
}
