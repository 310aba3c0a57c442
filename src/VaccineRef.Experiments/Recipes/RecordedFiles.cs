using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Recipes;

/// <summary>A file or folder that a run was made with, as the run's own recipe records it.</summary>
public sealed record RecordedFile
{
    /// <summary>SHA-256 of its content, in lower-case hexadecimal; see <see cref="DataFiles.Hash"/>.</summary>
    public required string Sha256 { get; init; }

    /// <summary>
    /// Where it lay when the run was made. It is looked for there if it is not where the recipe says.
    /// </summary>
    public string? At { get; set; }
}

/// <summary>
/// The files that a recipe names, by content. A run writes them into its own recipe, so that the recipe gives the same
/// run from wherever it lies, or says which file is another one.
/// </summary>
internal static class RecordedFiles
{
    private const string Key = "files", AtKey = "at", HashKey = "sha256";

    /// <summary>Records every file that a recipe names.</summary>
    /// <param name="recipe">The recipe; its paths are relative to the folder of <paramref name="files"/>.</param>
    /// <param name="files">Its files.</param>
    /// <param name="to">The folder in which the recipe will lie, and to which its paths will be relative.</param>
    public static void Record(JsonObject recipe, DataFiles files, string to)
    {
        Record(recipe, files, path => RecipePath.Moved(path, files.Folder, to));
        RecipePath.Rebase(recipe, files.Folder, to);
    }

    /// <summary>Records every file that a recipe names, which stays as it is.</summary>
    /// <param name="recipe">The recipe; its paths are relative to the folder of <paramref name="files"/>.</param>
    /// <param name="files">Its files.</param>
    public static void Record(JsonObject recipe, DataFiles files) => Record(recipe, files, path => path);

    private static void Record(JsonObject recipe, DataFiles files, Func<string, string> name)
    {
        recipe.Remove(Key);
        var recorded = new JsonObject();
        foreach (string path in RecipePath.Named(recipe).Distinct().Order(StringComparer.Ordinal))
            recorded[name(path)] = new JsonObject
            {
                [HashKey] = files.Hash(path),
                [AtKey] = Path.GetFullPath(Path.Combine(files.Folder, path)),
            };
        if (recorded.Count > 0)
            recipe[Key] = recorded;
    }

    /// <summary>
    /// Where a file is not where the recipe says, names the place in which it lay when it was recorded.
    /// </summary>
    /// <param name="recipe">The recipe, as it stands in its file.</param>
    /// <param name="folder">The folder of that file.</param>
    public static void Find(JsonObject recipe, string folder)
    {
        if (recipe[Key] is not JsonObject recorded)
            return;
        foreach (var (path, entry) in recorded.ToArray())
        {
            if (entry is not JsonObject file || file[AtKey] is not JsonValue value || !value.TryGetValue(out string? at)
                || Path.Exists(Path.Combine(folder, path)) || !Path.Exists(at))
                continue;
            recorded.Remove(path);
            recorded[at] = file;
            RecipePath.Replace(recipe, path, at);
        }
    }

    /// <summary>Requires that the files which a recipe names and has recorded are still the same.</summary>
    /// <exception cref="InputException">One is another file; it is named.</exception>
    public static void Require(Recipe recipe, RecipeFormat format, DataFiles files)
    {
        if (recipe.Files is not { } recorded)
            return;
        foreach (string path in RecipePath.Named(format.ToJson(recipe)).Distinct())
            if (recorded.TryGetValue(path, out var file) && files.Hash(path) is var hash && hash != file.Sha256)
                throw new InputException(
                    "a file is not the one that the run was made with",
                    Path.GetFullPath(Path.Combine(files.Folder, path)),
                    $"SHA-256 {hash}", file.Sha256,
                    "restore the file; or, to compute the recipe with the file as it is now, remove \"files\" from "
                    + "the recipe (vaccine run takes --set files=null)");
    }
}
