using System.CommandLine;
using VaccineRef.Core;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;

namespace VaccineRef.Cli.Commands;

/// <summary>The command vaccine init: writes a recipe to start from, for a model and rows, or a preset.</summary>
internal static class InitCommand
{
    public static Command Create()
    {
        var preset = new Option<string?>("--preset") { Description = $"A preset: {string.Join(", ", Presets.Names)}.", HelpName = "NAME" };
        preset.CompletionSources.Add([.. Presets.Names]);
        var model =
            new Option<string?>("--model") { Description = "Your model, a Hugging Face folder.", HelpName = "DIR" };
        var data = new DataSelection(
            "--data",
            "Your rows, on which the model is aligned. What they are is found out unless --task or --field say it.");
        var output = new Option<string?>("--out") { Description = $"Write this file, and {RecipeSchema.FileName} beside it, instead of printing.", HelpName = "FILE" };
        var command = new Command("init", "Write a recipe to start from: for your model and your rows, or one of the presets.")
        { model, preset, output };
        data.AddTo(command);
        command.AddExamples(
            "vaccine init --model my-model --data rows.jsonl --out mine.json",
            "vaccine init --preset harmful-ratio > mine.json");
        command.Validators.Add(result =>
        {
            if (result.GetResult(preset) is not null
                && ((Option[])[model, data.Files, .. data.Details]).Any(own => result.GetResult(own) is not null))
                result.AddError("init takes either --preset, or --model and --data");
        });
        command.SetAction(parsed => ExitCode.Of(_ =>
        {
            string? path = parsed.GetValue(output);
            string folder = path is null ? "." : Path.GetDirectoryName(Path.GetFullPath(path))!;
            var rows = data.ReadOpen(parsed);
            string text = parsed.GetValue(model) is null && rows is null
                ? Presets.Text(parsed.GetValue(preset) ?? "demo")
                : FirstRecipe.Text(
                    parsed.GetValue(model) ?? throw Missing("--model", "the folder of your model"),
                    rows ?? throw Missing("--data", "the file with your rows"), DataSelection.Map, folder);
            if (path is null)
                Console.Out.Write(text);
            else
                Save(path, folder, text);
            return ExitCode.Done;
        }));
        return command;
    }

    private static void Save(string path, string folder, string text)
    {
        if (File.Exists(path))
            throw new InputException(
                "a file is there already", path, expected: "a new file", remedy: "another --out, or remove the file");
        // first: a recipe that is there is not written again
        AtomicFile.WriteText(Path.Combine(folder, RecipeSchema.FileName), RecipeSchema.Text);
        AtomicFile.WriteText(path, text);
        Console.Out.WriteLine($"{path} is written. Look at what it will do with: vaccine plan {path}");
    }

    private static InputException Missing(string option, string expected) => new(
        "a recipe for your model needs the model and the rows", option, "nothing", expected,
        $"give {option}, or begin with a preset: vaccine init --preset demo");
}
