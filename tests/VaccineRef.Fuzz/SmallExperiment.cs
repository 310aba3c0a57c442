using System.Text.Json;
using System.Text.Json.Nodes;
using VaccineRef.Testing;

namespace VaccineRef.Fuzz;

/// <summary>The tiny experiment with shorter prompts and answers, and one of each where it has several.</summary>
internal static class SmallExperiment
{
    /// <summary>The recipe's file.</summary>
    public const string Recipe = "recipe.json";

    private static readonly JsonDocumentOptions Lenient =
        new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <summary>Writes the model, the data and the recipe.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="change">Changes the recipe.</param>
    public static void Write(string folder, Action<JsonObject>? change = null)
    {
        WriteTiny(folder);
        var recipe = JsonNode.Parse(TinyExperiment.RecipeText, null, Lenient)!.AsObject();
        recipe["template"] = "none";
        var evaluation = recipe["evaluation"]!.AsObject();
        foreach (string key in (string[])["harmful_tokens", "task_tokens", "probe_count"])
            evaluation[key] = 1;
        foreach (string key in (string[])["harmful", "task"])
            evaluation[key]!["count"] = 1;
        change?.Invoke(recipe);
        File.WriteAllText(Path.Combine(folder, Recipe), recipe.ToJsonString());
    }

    /// <summary>Writes the tiny experiment as it is.</summary>
    public static void WriteTiny(string folder)
    {
        using var made = new TinyExperiment();
        Copy(made.Folder, folder);
    }

    /// <summary>Copies a folder with all that is in it.</summary>
    public static void Copy(string from, string to)
    {
        foreach (string path in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(to, Path.GetRelativePath(from, path));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(path, copy);
        }
    }
}
