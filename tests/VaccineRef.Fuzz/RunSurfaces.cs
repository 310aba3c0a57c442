using System.Text;
using System.Text.RegularExpressions;
using VaccineRef.Models;
using VaccineRef.Testing;

namespace VaccineRef.Fuzz;

/// <summary>Recipes, and what a run or a grid wrote: its folder, its cache and its report.</summary>
internal static partial class RunSurfaces
{
    public static IReadOnlyList<Surface> All { get; } =
    [
        new("recipe", Recipe, ["recipe.json"], folder => CommandLine.Run("plan", Path.Combine(folder, "recipe.json"), "--no-time")) { Seeds = 2 },
        new("run", Finished, ["*.json", "*.safetensors", "*.jsonl"], folder => CommandLine.Run("evaluate", Path.Combine(folder, "run"), "--stage", "attacked")),
        new("report", Finished, ["report.json"], folder => CommandLine.Run("compare", Path.Combine(folder, "run"))),
        new("checkpoint", Failed, ["checkpoint-*.safetensors", "steps.jsonl", "begun.txt"], GoOn),
        new("checkpoint-file", Failed, ["checkpoint-*.safetensors"], Open),
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
        foreach (string path in Directory.GetFiles(again, "checkpoint-*.safetensors", SearchOption.AllDirectories))
            Seal(path);
        CommandLine.Run([.. Attack("again", folder), "--set", "checkpoint={\"every_steps\":1}", "--resume"]);
    }

    /// <summary>Puts the digest right that an alteration made wrong: what is behind it would never be read otherwise.</summary>
    private static void Seal(string path)
    {
        try
        {
            SealedSafetensors.Open(path).Dispose();
        }
        catch (CheckpointException damaged) when (Digest().Matches(damaged.Message) is [var found, var expected])
        {
            string content = Encoding.Latin1.GetString(File.ReadAllBytes(path));
            File.WriteAllBytes(path, Encoding.Latin1.GetBytes(content.Replace(expected.Value, found.Value, StringComparison.Ordinal)));
        }
        catch (CheckpointException)
        {
            // it has no digest, or it is no file of tensors: it is read as it is
        }
    }

    [GeneratedRegex(@"\b[0-9a-f]{64}\b", RegexOptions.CultureInvariant)]
    private static partial Regex Digest();

    private static string[] Attack(string name, string folder) =>
    [
        "run", Path.Combine(folder, "recipe.json"), "--out", Path.Combine(folder, name), "--threads", "1",
        "--set", "attack.training.learning_rate=1e30", "--set", "attack.training.max_steps=8",
    ];

    private static void Open(string folder)
    {
        foreach (string path in Directory.GetFiles(folder, "checkpoint-*.safetensors", SearchOption.AllDirectories))
            SealedSafetensors.Open(path).Dispose();
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
