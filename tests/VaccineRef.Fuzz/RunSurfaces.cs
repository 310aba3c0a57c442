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
        foreach (string path in Directory.GetFiles(made.Folder, "*", SearchOption.AllDirectories))
        {
            string to = Path.Combine(folder, Path.GetRelativePath(made.Folder, path));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(path, to);
        }
    }

    private static void Finished(string folder, int seed)
    {
        Experiment(folder);
        CommandLine.Run("run", Path.Combine(folder, "recipe.json"), "--out", Path.Combine(folder, "run"), "--threads", "1");
    }

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
