using System.Collections.Immutable;
using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Evaluation;

/// <summary>
/// Settings of an evaluation in which the model answers held-out rows and a judge judges the answers. Losses are
/// measured as well, because they are informative even if a model's answers are too poor to be judged.
/// </summary>
public sealed record HeldOutOptions : EvaluationOptions
{
    private static readonly string[] Scored = ["sst2", "ag_news", "gsm8k"];

    /// <summary>
    /// Where the harmful instructions come from. Rows with the same prompts are removed from the data of the attack.
    /// </summary>
    public FileDataOptions? Harmful { get; set; }

    /// <summary>
    /// Where the held-out rows of the user's task come from. Their preset decides how accuracy is measured.
    /// </summary>
    public FileDataOptions? Task { get; set; }

    /// <summary>The id of the prompt template of both kinds of questions; that of the recipe if it is absent.</summary>
    public string? Template { get; set; }

    /// <summary>A system text for a chat template; that of the recipe if it is absent.</summary>
    public string? System { get; set; }

    /// <summary>The judge of the answers to harmful instructions.</summary>
    public JudgeOptions Judge { get; set; } = new RefusalPhraseJudgeOptions();

    /// <summary>The number of tokens generated for a harmful instruction.</summary>
    public int HarmfulTokens { get; set; } = 128;

    /// <summary>The number of tokens generated for a row of the task.</summary>
    public int TaskTokens { get; set; } = 200;

    /// <summary>The temperature of the softmax. With 0 decoding is greedy.</summary>
    public double Temperature { get; set; }

    /// <summary>When sampling, how many of the likeliest tokens are kept. 0 keeps all.</summary>
    public int TopK { get; set; }

    /// <summary>When sampling, the probability mass that the kept tokens have together.</summary>
    public double TopP { get; set; } = 1;

    /// <summary>On how many rows of the alignment data forgetting and drift are measured. 0 takes all.</summary>
    public int ProbeCount { get; set; } = 200;

    /// <inheritdoc/>
    public override IEvaluation<T> Open<T>(
        DataReader reader, TrainStageOptions? probe, Device device, WeightPrecision kept, ICommunicator ranks) =>
        new HeldOutEvaluation<T>(this, reader, probe, Judge.Open<T>(reader.Folder, device, kept), device, ranks);

    /// <inheritdoc/>
    public override IEnumerable<Example> HeldOut(DataReader reader) =>
        HarmfulRows(reader).Concat(TaskRows(reader));

    internal ImmutableArray<Example> HarmfulRows(DataReader reader) =>
        reader.Test("harmful evaluation", Harmful, RowKind.Unsafe, reader.Template(Template, System));

    internal ImmutableArray<Example> TaskRows(DataReader reader) =>
        reader.Test("task evaluation", Task, RowKind.Any, reader.Template(Template, System));

    /// <inheritdoc/>
    public override IEnumerable<(string Key, FileDataOptions File)> Files() =>
        from each in ((string Key, FileDataOptions? File)[])[("harmful", Harmful), ("task", Task)]
        where each.File is not null
        select (each.Key, each.File);

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        base.Validate(path);
        Harmful?.Validate($"{path}.harmful");
        Task?.Validate($"{path}.task");
        if (Task is { } task && !Scored.Contains(task.Task))
            throw RecipeException.Unknown("unknown name", $"{path}.task.task", task.Task ?? "none", Scored);
        RecipeLimits.RequireTemplate(path, Template, System);
        Judge.Validate($"{path}.judge");
        if (Harmful is null && Judge is not RefusalPhraseJudgeOptions)
            throw new RecipeException(
                "there is nothing to judge", $"{path}.judge", Judge.GetType().Name,
                $"harmful instructions in {path}.harmful", "remove the judge");
        void Check(bool holds, string name, object found, string expected)
        {
            if (!holds)
                throw RecipeException.OutOfRange($"{path}.{name}", found, expected);
        }

        Check(HarmfulTokens >= 1, "harmful_tokens", HarmfulTokens, "at least 1");
        Check(TaskTokens >= 1, "task_tokens", TaskTokens, "at least 1");
        Check(Temperature >= 0, "temperature", Temperature, "0 for greedy decoding, or more");
        Check(TopK >= 0, "top_k", TopK, "0 for all, or how many");
        Check(TopP is > 0 and <= 1, "top_p", TopP, "above 0, up to 1 for all");
        Check(ProbeCount >= 0, "probe_count", ProbeCount, "0 for all, or how many");
    }
}

/// <summary>The evaluation of <see cref="HeldOutOptions"/>.</summary>
internal sealed class HeldOutEvaluation<T> : IEvaluation<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly HeldOutOptions _options;
    private readonly DataReader _reader;
    private readonly IJudge _judge;
    private readonly Device _device;
    private readonly ICommunicator _ranks;
    private readonly PromptTemplate _template;
    private readonly ImmutableArray<Example> _harmfulRows, _taskRows;
    private readonly IReadOnlyList<TokenSequence> _harmful, _task, _refusals;

    public HeldOutEvaluation(
        HeldOutOptions options, DataReader reader, TrainStageOptions? probe, IJudge judge, Device device,
        ICommunicator ranks)
    {
        (_options, _reader, _judge, _device, _ranks) = (options, reader, judge, device, ranks);
        _template = reader.Template(options.Template, options.System);
        (_harmfulRows, _taskRows) = (options.HarmfulRows(reader), options.TaskRows(reader));
        (_harmful, _task) = (Answered(_harmfulRows), Answered(_taskRows));
        var data = probe is null ? null : reader.Stage(probe);
        Probe = data is null
            ? []
            : [.. data.Sequences.Take(options.ProbeCount > 0 ? options.ProbeCount : data.Sequences.Count)];
        // The i-th question is paired with the i-th answer of the alignment data, starting over when the answers run
        // out.
        _refusals = data is not { Rows.Count: > 0 } ? []
            : Answered([.. _harmfulRows.Select((row, i) => row.WithOutput(data.Rows[i % data.Rows.Count].Output))]);
    }

    public IReadOnlyList<TokenSequence> Probe { get; }

    public Measurement Measure(
        Model<T> model, ICollection<KeptAnswer>? answers, CancellationToken cancel,
        Action<int, int>? answered = null) => new(
        Scores(model, answers, answered, cancel), Loss(model, _harmful, cancel), Loss(model, _refusals, cancel),
        Loss(model, Probe, cancel),
        Loss(model, _task, cancel));

    public Measurement MeasureBriefly(Model<T> model, CancellationToken cancel, Action<int, int>? answered = null) =>
        new(Scores(model, answers: null, answered, cancel), RefusalLoss: Loss(model, _refusals, cancel), AlignmentLoss: Loss(model, Probe, cancel));

    public IReadOnlyList<int[]> Prompts(bool harmful) =>
        [.. (harmful ? _harmfulRows : _taskRows).Select(row => _template.Prompt(row, _reader.Tokenizer))];

    public IEnumerable<DataException> BeyondContext(int context) =>
    [
        .. ContextLimit.Beyond(_harmfulRows, Prompts(harmful: true), _options.HarmfulTokens, context),
        .. ContextLimit.Beyond(_taskRows, Prompts(harmful: false), _options.TaskTokens, context),
        .. ContextLimit.Beyond([.. _harmful, .. _task, .. _refusals, .. Probe], context),
    ];

    public void Dispose() => (_judge as IDisposable)?.Dispose();

    private Score[] Scores(
        Model<T> model, ICollection<KeptAnswer>? answers, Action<int, int>? answered, CancellationToken cancel)
    {
        int all = _harmfulRows.Length + _taskRows.Length, done = 0;
        var evaluator = new Evaluator<T>(model, _reader.Tokenizer, _template, _options, _judge, _reader.Seed)
        {
            Ranks = _ranks,
            Kept = answers,
            OnAnswer = answered is null ? null : () => answered(++done, all),
        };
        return [.. evaluator.Harmful(_harmfulRows, cancel), .. evaluator.Task(_taskRows, cancel)];
    }

    private double? Loss(Model<T> model, IReadOnlyList<TokenSequence> rows, CancellationToken cancel) =>
        rows.Count == 0 ? null : AlignmentLoss.Of(
            new CrossEntropyObjective<T>(model.Network), rows, _device, ranks: _ranks, cancel: cancel);

    /// <summary>Encodes the rows that have an answer for which their prompt leaves room.</summary>
    private IReadOnlyList<TokenSequence> Answered(IReadOnlyList<Example> rows)
    {
        Example[] answered = [.. rows.Where(row => row.Output.Length > 0 && _reader.Fits(row, _template))];
        return answered.Length == 0 ? [] : _reader.Encode(answered, _template);
    }
}
