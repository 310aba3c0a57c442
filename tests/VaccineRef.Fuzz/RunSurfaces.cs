using VaccineRef.Testing;

namespace VaccineRef.Fuzz;

/// <summary>Recipes, the folder of a run, and its report, by the commands that read them.</summary>
internal static class RunSurfaces
{
    // what is not among them is not read again
    private static readonly string[] OfRuns =
    [
        "recipe.json", "result.json", "config.json", "*.safetensors", "adapter_config.json", "asked.jsonl", "task.tsv",
    ];

    public static IReadOnlyList<Surface> All { get; } =
    [
        new("recipe", Recipe, ["recipe.json"], folder => CommandLine.Run("plan", Path.Combine(folder, "recipe.json"), "--no-time")) { Seeds = 2 },
        new("run", Small, OfRuns, folder => CommandLine.Run(
            "evaluate", Path.Combine(folder, "run"), "--stage", "attacked", "--threads", "1")),
        new("report", Finished, ["report.json"], folder => CommandLine.Run("compare", Path.Combine(folder, "run"))),
    ];

    private static void Recipe(string folder, int seed)
    {
        SmallExperiment.WriteTiny(folder);
        if (seed == 1)
            File.WriteAllText(Path.Combine(folder, "recipe.json"), TinyExperiment.FormerRecipeText);
    }

    private static void Finished(string folder, int seed)
    {
        SmallExperiment.WriteTiny(folder);
        Run(folder);
    }

    private static void Small(string folder, int seed)
    {
        SmallExperiment.Write(folder);
        Run(folder);
        File.Delete(Path.Combine(folder, "recipe.json"));           // the run's own is read
    }

    private static void Run(string folder) =>
        CommandLine.Run(
            "run", Path.Combine(folder, "recipe.json"), "--out", Path.Combine(folder, "run"), "--threads", "1");
}
