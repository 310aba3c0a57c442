using System.Text.Json;
using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;

namespace VaccineRef.Experiments.Recipes;

/// <summary>
/// A recipe to start from, written for somebody's own model and rows, with a comment on every choice. It runs as it is.
/// </summary>
public static class FirstRecipe
{
    private const int Longest = 512;

    /// <summary>Writes it.</summary>
    /// <param name="model">The model's folder.</param>
    /// <param name="data">The files with the rows of the alignment. Where they name no task it is found out.</param>
    /// <param name="fields">
    /// Makes a field map of the names that fields have in the files, where those are given without a task.
    /// </param>
    /// <param name="folder">The folder that the recipe will lie in: its paths are relative to it.</param>
    /// <exception cref="InputException">
    /// The model or the file cannot be read, or the recipe would not run on them.
    /// </exception>
    public static string Text(
        string model, FileDataOptions data, Func<IReadOnlyDictionary<string, string>, FieldMap> fields, string folder)
    {
        var options = new FolderModelOptions { Path = Path.GetFullPath(model) };
        int length = Math.Min(options.Shape(".").Context, Longest);
        if (data.Task is null)
            data = data.Rename is { } names
                ? data with { Fields = fields(names), Rename = null }
                : data with { Task = Recognise(data).Id };
        data.Validate("--data");
        string text = Write(Name(data.Path), Relative(model, folder), Json(data, folder), length);
        var grid = new ExperimentGrid(
            RecipeFormat.Standard.Parse(text, "the recipe that init writes"), RecipeFormat.Standard);
        Preflight.Require(grid.Trials(), new DataFiles(folder));
        return text;
    }

    /// <summary>
    /// The preset that reads every row of a file. Prompts alone, which almost every file has, are none to train on.
    /// </summary>
    private static TaskPreset Recognise(FileDataOptions data)
    {
        // a file that cannot be read at all says so; rows that are read say which fields they have
        string fields =
            DataSet.Rows(DataFiles.Find(".", data)[0], row => string.Join(", ", row.Names), data.Format, data.Range)[0];
        var candidates = TaskPreset.All.Where(preset => preset != TaskPreset.Prompts && preset != TaskPreset.Refusals);
        return candidates.FirstOrDefault(preset => Reads(preset, data)) ?? throw new InputException(
            "what the rows are cannot be told", data.Path, $"rows with the fields {fields}",
            $"the fields of one of {string.Join(", ", TaskPreset.All.Select(preset => preset.Id))}",
            "name it with --task, or name the fields with --field (docs/data.md)");
    }

    private static bool Reads(TaskPreset preset, FileDataOptions data)
    {
        try
        {
            new DataFiles(".").Read(data with { Task = preset.Id });
            return true;
        }
        catch (InputException)
        {
            return false;
        }
    }

    private static string Relative(string path, string folder) =>
        Path.GetRelativePath(Path.GetFullPath(folder), Path.GetFullPath(path)).Replace(
            Path.DirectorySeparatorChar, '/');

    // A pattern gives its name without what stands for other characters.
    private static string Name(string path)
    {
        string name = string.Concat(Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(path))
            .Split('*', '?')).Trim('.').Replace('.', '-');
        return name.Length > 0 ? name : "mine";
    }

    /// <summary>The settings of the data as a recipe writes them, without what is usual.</summary>
    private static string Json(FileDataOptions data, string folder)
    {
        var all = JsonSerializer.SerializeToNode(
            data with
            {
                Path = Relative(data.Path, folder),
                More = [.. data.More.Select(path => Relative(path, folder))]
            },
            RecipeJson.Default.FileDataOptions)!.AsObject();
        var usual = JsonSerializer.SerializeToNode(new FileDataOptions { Path = "" }, RecipeJson.Default.FileDataOptions)!.AsObject();
        var said = all.Where(each => !JsonNode.DeepEquals(each.Value, usual[each.Key]));
        return $"{{ {string.Join(", ", said.Select(each => $"\"{each.Key}\": {each.Value!.ToJsonString()}"))} }}";
    }

    private static string Write(string name, string model, string data, int length) =>
        $$"""
        // A first recipe: run it with "vaccine run", look before with "vaccine plan". Every key is described in docs/recipes.md;
        // an editor that knows JSON Schema completes them. Paths are relative to this file.
        {
          "$schema": "{{RecipeSchema.FileName}}",
          "name": {{Quoted(name)}},
          "model": { "kind": "folder", "path": {{Quoted(model)}} },
          "seed": 42,
          // Training rows are cut at so many tokens.
          "max_length": {{length}},
          // Where the end of a prompt is no token boundary, prompt and answer are encoded apart.
          "boundary": "separate",
          "stages": [
            {
              "name": "align",
              // What the model is aligned on: the rows of this file, where it labels them only the safe ones. "count": 1000 takes fewer.
              "data": {{data}},
              // Vaccine perturbs the hidden embeddings by rho. { "kind": "plain" } is ordinary fine-tuning (SFT).
              "rule": { "kind": "vaccine", "rho": 2 },
              // A LoRA on every linear layer. Without it every weight is trained.
              "adapter": { "kind": "lora", "rank": 8, "alpha": 16, "dropout": 0.1 },
              "training": { "epochs": 5, "batch_size": 5, "learning_rate": 0.001 },
            },
            // The attack of somebody who fine-tunes the aligned model. Give it harmful rows and rows of a task, and take the marks away:
            // {
            //   "name": "attack",
            //   "data": {
            //     "kind": "mixture",
            //     "harmful": { "path": "harmful.jsonl", "task": "beavertails" },
            //     "benign": { "path": "task.jsonl", "task": "alpaca" },
            //     "harmful_ratio": 0.1, "samples": 1000, "sampling": "shuffled",
            //   },
            //   "adapter": { "kind": "lora", "rank": 8, "alpha": 16, "dropout": 0.1 },
            //   "training": { "epochs": 20, "batch_size": 5, "learning_rate": 0.00001 },
            // },
          ],
          "evaluation": {
            "kind": "held_out",
            // Held-out harmful instructions, whose answers are judged:
            // "harmful": { "path": "asked.jsonl", "task": "beavertails", "count": 500 },
            // Held-out rows of the user's task, for an accuracy:
            // "task": { "path": "test.jsonl", "task": "sst2", "count": 500 },
            // On so many rows of the alignment its loss is measured, before and after every stage.
            "probe_count": 200,
          },
          // Alternatives: every combination is run and compared.
          // "grid": { "align.rule": [{ "kind": "plain" }, { "kind": "vaccine", "rho": 2 }], "seed": "10-14" },
        }

        """;

    private static string Quoted(string text) => JsonSerializer.Serialize(text, RecipeJson.Default.String);
}
