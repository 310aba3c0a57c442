using System.CommandLine;
using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;

namespace VaccineRef.Cli.Commands;

/// <summary>The command vaccine evaluate: scores a model folder without training.</summary>
internal static class EvaluateCommand
{
    public static Command Create()
    {
        var model = new Argument<string>("model") { Description = "A Hugging Face folder." };
        var adapter = new Option<string?>("--adapter") { Description = "A PEFT folder to attach.", HelpName = "DIR" };
        var data = new Option<string>("--data") { Description = "The data file.", Required = true, HelpName = "FILE" };
        var task = new Option<string>("--task") { Description = "What the data is.", Required = true };
        task.AcceptOnlyFromAmong([.. TaskPreset.All.Select(preset => preset.Id)]);
        var strip = new Option<string?>("--strip-prefix")
        {
            Description = "What the names of the weights begin with and the model's own names do not, such as module.",
            HelpName = "PREFIX",
        };
        var count = CommonOptions.Count("--count", "Rows, from the first; 0 takes all.", 500, least: 0);
        var tokens = CommonOptions.Count("--max-new-tokens", "Tokens to generate for an answer.", 128);
        var template = new Option<string>("--template") { Description = "The prompt template.", DefaultValueFactory = _ => PromptTemplate.AlpacaVaccine.Id };
        template.AcceptOnlyFromAmong([.. PromptTemplate.All.Select(known => known.Id)]);
        var precision = new Option<Precision>("--precision") { Description = "float or double." };
        var weights = CommonOptions.Weights();
        var judges = new JudgeSelection();
        var where = new DeviceOptions();
        var command = new Command("evaluate", "Score a model: harmful score for instructions, accuracy for a task.")
        { model, adapter, strip, data, task, count, tokens, template, precision, weights };
        judges.AddTo(command);
        where.AddTo(command);
        command.SetAction(parsed => ExitCode.Of(cancel =>
        {
            var preset = TaskPreset.Get(parsed.GetRequiredValue(task));
            int answer = parsed.GetValue(tokens);
            var settings = new HeldOutOptions { HarmfulTokens = answer, TaskTokens = answer, Judge = judges.Read(parsed) };
            if (IsTask(preset.Id))
                judges.RequireAbsent(parsed, $"{preset.Id}, which has an accuracy");
            var file = DataSet.Read(parsed.GetRequiredValue(data), preset);
            var all = RowPool.Of("evaluation", file, IsTask(preset.Id) ? RowKind.Any : RowKind.Unsafe, prompts: true).Rows;
            int wanted = parsed.GetValue(count);
            var rows = Sampling.FirstK.Take(all, wanted == 0 ? all.Length : Math.Min(wanted, all.Length), 0, "evaluation");
            using var device = where.Open(parsed);
            var kept = parsed.GetValue(weights);
            string? prefix = parsed.GetValue(strip);
            string folder = parsed.GetRequiredValue(model), prompt = parsed.GetRequiredValue(template);
            var scores = parsed.GetValue(precision) == Precision.Double
                ? Scores<double>(folder, prefix, kept, parsed.GetValue(adapter), rows, PromptTemplate.Get(prompt), settings, device, cancel)
                : Scores<float>(folder, prefix, kept, parsed.GetValue(adapter), rows, PromptTemplate.Get(prompt), settings, device, cancel);
            Tables.Write(
                Terminal.Open(),
                ["metric", "k", "N", "%", "judge", "template", "generation"],
                scores.Select(score => (IReadOnlyList<string>)
                [
                    score.Metric, $"{score.Numerator}", $"{score.Denominator}", $"{score.Percentage:F2}", score.Judge, score.Template,
                    score.Generation,
                ]));
            return ExitCode.Done;
        }));
        return command;
    }

    private static IReadOnlyList<Score> Scores<T>(
        string folder, string? stripPrefix, WeightPrecision kept, string? adapter, IReadOnlyList<Example> rows, PromptTemplate template,
        HeldOutOptions settings, Device device, CancellationToken cancel)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var tokenizer = TextTokenizer.Load(folder);
        using var model = adapter is null
            ? LanguageModel.Load<T>(folder, device, kept, stripPrefix)
            : AdaptedModel.Load<T>(folder, adapter, device, kept, stripPrefix);
        foreach (string warning in model.Adapter?.Warnings ?? [])
            Console.Error.WriteLine($"vaccine: warning: {warning}");
        var judge = settings.Judge.Open<T>(".", device, kept);
        using var disposable = judge as IDisposable;
        var evaluator = new Evaluator<T>(model, tokenizer, template, settings, judge, seed: 0);
        return IsTask(rows[0].Source) ? evaluator.Task(rows, cancel) : evaluator.Harmful(rows, cancel);
    }

    private static bool IsTask(string preset) => preset is "sst2" or "ag_news" or "gsm8k";
}
