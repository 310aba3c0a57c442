using System.Text.Json;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;

namespace VaccineRef.Experiments.Recipes;

/// <summary>A recipe to start from, written for somebody's own model and rows, with a comment on every choice. It runs as it is.</summary>
public static class FirstRecipe
{
    private const int Longest = 512;

    /// <summary>Writes it.</summary>
    /// <param name="model">The model's folder.</param>
    /// <param name="data">The file with the rows of the alignment.</param>
    /// <param name="task">What the file is, by the name of a preset; null to find out.</param>
    /// <param name="folder">The folder that the recipe will lie in: its paths are relative to it.</param>
    /// <exception cref="InputException">The model or the file cannot be read, or the recipe would not run on them.</exception>
    public static string Text(string model, string data, string? task, string folder)
    {
        var options = new FolderModelOptions { Path = Path.GetFullPath(model) };
        int length = Math.Min(options.Shape(".").Context, Longest);
        var preset = task is null ? Recognise(data) : TaskPreset.Get(task);
        string text = Write(
            Path.GetFileNameWithoutExtension(data).Replace('.', '-'), Relative(model, folder), Relative(data, folder), preset.Id, length);
        var grid = new ExperimentGrid(RecipeFormat.Standard.Parse(text, "the recipe that init writes"), RecipeFormat.Standard);
        Preflight.Require(grid.Trials(), new DataFiles(folder));
        return text;
    }

    /// <summary>The preset that reads every row of a file. Prompts alone, which almost every file has, are none to train on.</summary>
    private static TaskPreset Recognise(string data)
    {
        // a file that cannot be read at all says so; rows that are read say which fields they have
        string fields = DataSet.Rows(data, row => string.Join(", ", row.Names))[0];
        var candidates = TaskPreset.All.Where(preset => preset != TaskPreset.Prompts && preset != TaskPreset.Refusals);
        return candidates.FirstOrDefault(preset => Reads(preset, data)) ?? throw new InputException(
            "what the rows are cannot be told", data, $"rows with the fields {fields}",
            $"the fields of one of {string.Join(", ", TaskPreset.All.Select(preset => preset.Id))}",
            "name it with --task, or write \"fields\" in the place of \"task\" in a recipe (docs/data.md)");
    }

    private static bool Reads(TaskPreset preset, string data)
    {
        try
        {
            DataSet.Read(data, preset);
            return true;
        }
        catch (InputException)
        {
            return false;
        }
    }

    private static string Relative(string path, string folder) =>
        Path.GetRelativePath(Path.GetFullPath(folder), Path.GetFullPath(path)).Replace(Path.DirectorySeparatorChar, '/');

    private static string Write(string name, string model, string data, string task, int length) =>
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
              "data": { "path": {{Quoted(data)}}, "task": "{{task}}" },
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
