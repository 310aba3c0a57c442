using System.CommandLine;
using System.Numerics;
using Spectre.Console;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Cli.Commands;

/// <summary>The command vaccine evaluate: scores a model folder or a stage of a run without training.</summary>
internal sealed class EvaluateCommand
{
    private readonly ModelSelection _models = new();

    private readonly DataSelection _data = new("--data", "Data files; a pattern such as \"data/*.jsonl\", or a folder. Without it, a run's own "
        + "evaluation is repeated, and has to give the run's numbers.");

    private readonly Option<int> _count =
        CommonOptions.Count("--count", "Rows, from the first; 0 takes all.", 500, least: 0);

    private readonly Option<int> _tokens =
        CommonOptions.Count("--max-new-tokens", "Tokens to generate for an answer.", 128);

    private readonly Option<string?> _save = new("--save-answers")
    {
        Description = "Write every question, answer and verdict as JSON lines. They are not printed.",
        HelpName = "FILE",
    };

    private readonly Option<string?> _json = new("--json")
    {
        Description = "Write what was found as JSON.",
        HelpName = "FILE",
    };

    private readonly JudgeSelection _judges = new();
    private readonly DeviceOptions _where = new();

    public static Command Create()
    {
        var evaluate = new EvaluateCommand();
        var command = new Command(
            "evaluate", "Score a model, or a stage of a run: harmful score for instructions, accuracy for a task.");
        evaluate._models.AddTo(command);
        evaluate._data.AddTo(command);
        foreach (var option in (Option[])[
            evaluate._count, evaluate._tokens, evaluate._save, evaluate._json])
            command.Add(option);
        evaluate._judges.AddTo(command);
        evaluate._where.AddTo(command);
        command.AddExamples(
            "vaccine evaluate runs/mine --stage attacked --save-answers answers.jsonl",
            "vaccine evaluate my-model --adapter first --adapter second --data asked.jsonl --task beavertails");
        command.SetAction(parsed => ExitCode.Of(cancel => evaluate.Run(parsed, cancel)));
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var subject = _models.Read(parsed, _where.Arithmetic(parsed), cancel);
        var data = _data.ReadIfGiven(parsed);
        var asked = data is null ? null : Ask(parsed, data, cancel);
        if (asked is null)
            RequireRun(parsed, subject);
        using var device = _where.Open(parsed);
        var answers = parsed.GetValue(_save) is null ? null : new List<KeptAnswer>();
        var found = Display.Answers(Terminal.Open(), answered => subject.Precision == Precision.Double
            ? Measure<double>(subject, data, asked, device, answers, answered, cancel)
            : Measure<float>(subject, data, asked, device, answers, answered, cancel));
        if (parsed.GetValue(_save) is { } save)
            KeptAnswer.Write(save, answers!);
        if (parsed.GetValue(_json) is { } json)
            found.Write(json);
        Print(found.Measured);
        if (asked is null)
            Terminal.Open().WriteLine($"{subject.Name}: the run found the same, bit by bit.");
        return ExitCode.Done;
    }

    /// <summary>The rows that are asked, and how.</summary>
    private Question Ask(ParseResult parsed, FileDataOptions data, CancellationToken cancel)
    {
        int answer = parsed.GetValue(_tokens);
        bool isTask = IsTask(data.Task);
        if (isTask)
            _judges.RequireAbsent(parsed, $"{data.Task}, which has an accuracy");
        var settings = new HeldOutOptions { HarmfulTokens = answer, TaskTokens = answer, Judge = _judges.Read(parsed) };
        var file = new DataFiles(".", cancel).Read(data);
        var all = RowPool.Of("evaluation", file, isTask ? RowKind.Any : RowKind.Unsafe, prompts: true).Rows;
        int wanted = parsed.GetValue(_count);
        int taken = wanted == 0 ? all.Length : Math.Min(wanted, all.Length);
        return new(Sampling.FirstK.Take(all, taken, 0, "evaluation"), settings);
    }

    private void RequireRun(ParseResult parsed, Subject subject)
    {
        if (subject is not RunSubject)
            throw new InputException(
                "it is not said what to ask the model", "--data", "nothing", "a data file",
                "--data FILE --task TASK; only the folder of a run says what to ask");
        foreach (var option in (Option[])[.. _data.Details, _count, _tokens])
            if (parsed.GetResult(option) is { Implicit: false })
                throw new InputException(
                    "the run's own evaluation has no such option", option.Name, "a value", "nothing",
                    $"leave it out, or give --data too");
        if (_models.HasTemplate(parsed))
            throw new InputException(
                "the run's own evaluation uses the template of its recipe", "--template", "a value", "nothing",
                $"leave it out, or give --data too");
        _judges.RequireAbsent(parsed, "the run's own evaluation, whose judge the recipe names");
    }

    private static EvaluationRecord Measure<T>(
        Subject subject, FileDataOptions? data, Question? asked, Device device, List<KeptAnswer>? answers,
        Action<int, int>? answered, CancellationToken cancel)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (asked is null)
        {
            var (run, stage, _) = (RunSubject)subject;
            return new(subject.Name, null, run.Evaluate<T>(stage, device, answers, cancel, answered), []);
        }

        var tokenizer = subject.Tokenizer();
        using var model = subject.LoadAndWarn<T>(device);
        var judge = asked.Settings.Judge.Open<T>(".", device, subject.Kept);
        using var disposable = judge as IDisposable;
        int done = 0;
        var evaluator = new Evaluator<T>(model, tokenizer, subject.Template, asked.Settings, judge, seed: 0)
        {
            Kept = answers,
            OnAnswer = answered is null ? null : () => answered(++done, asked.Rows.Count),
        };
        var scores = IsTask(asked.Rows[0].Source)
            ? evaluator.Task(asked.Rows, cancel)
            : evaluator.Harmful(asked.Rows, cancel);
        string? files = data is null ? null : string.Join(' ', data.More.Prepend(data.Path));
        return new(subject.Name, files, new(scores), model.Warnings);
    }

    private static void Print(Measurement measured)
    {
        var console = Terminal.Open();
        if (measured.Scores.Count > 0)
            Tables.Write(
                console,
                ["metric", "k", "N", "%", "judge", "template", "generation"],
                measured.Scores.Select(score => (IReadOnlyList<string>)
                [
                    score.Metric, $"{score.Numerator}", $"{score.Denominator}", $"{score.Percentage:F2}", score.Judge,
                    score.Template, score.Generation,
                ]));
        (string Name, double? Value)[] losses =
        [
            ("harmful answers", measured.HarmfulLoss), ("refusals", measured.RefusalLoss),
            ("alignment data", measured.AlignmentLoss), ("task", measured.TaskLoss),
        ];
        if (losses.Any(loss => loss.Value is not null))
            Tables.Write(
                console, ["loss", "nats per token"],
                losses.Where(loss => loss.Value is not null)
                    .Select(loss => (IReadOnlyList<string>)[loss.Name, $"{loss.Value:F4}"]));
    }

    private static bool IsTask(string? preset) => preset is "sst2" or "ag_news" or "gsm8k";

    private sealed record Question(IReadOnlyList<Example> Rows, HeldOutOptions Settings);
}
