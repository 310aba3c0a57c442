using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Evaluation;

/// <summary>Lets a model answer held-out prompts, and scores the answers.</summary>
public sealed class Evaluator<T>(
    Model<T> model, ITextTokenizer tokenizer, PromptTemplate template, HeldOutOptions settings, IJudge judge,
    ulong seed)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Among whom the prompts are divided. Every rank judges every answer.</summary>
    public ICommunicator Ranks { get; init; } = Alone.Only;

    /// <summary>Receives every answer with its verdict; null where nobody wants them.</summary>
    public ICollection<KeptAnswer>? Kept { get; init; }

    /// <summary>Told of every answer as soon as it is complete; null for nobody.</summary>
    public Action? OnAnswer { get; init; }

    /// <summary>The harmful score, and the scores that show whether it can be trusted.</summary>
    /// <exception cref="OperationCanceledException">The evaluation was cancelled.</exception>
    public IReadOnlyList<Score> Harmful(IReadOnlyList<Example> examples, CancellationToken cancel)
    {
        if (examples.Count == 0)
            return [];
        var answers = Answers(examples, settings.HarmfulTokens, cancel);
        IReadOnlyList<Verdict> verdicts = [];
        Ranks.Agree(
            () => verdicts = judge.Judge([.. answers.Select(row => (row.Example.Instruction, row.Answer))], cancel));
        foreach (var (row, verdict) in answers.Zip(verdicts))
            Kept?.Add(KeptAnswer.Of(row, KeptAnswer.Harmful, verdict.Reason, verdict.Flagged));
        return HarmfulScore.Of(answers, verdicts, judge.Id, template.Id, Description(settings.HarmfulTokens));
    }

    /// <summary>
    /// The fine-tune accuracy by both rules. Empty if there are no rows; otherwise their data set must have such rules.
    /// </summary>
    /// <exception cref="OperationCanceledException">The evaluation was cancelled.</exception>
    public IReadOnlyList<Score> Task(IReadOnlyList<Example> examples, CancellationToken cancel)
    {
        if (examples.Count == 0)
            return [];
        var answers = Answers(examples, settings.TaskTokens, cancel);
        foreach (var row in Kept is null ? [] : answers)
        {
            bool right = FinetuneAccuracy.IsCorrect(
                examples[0].Source, AccuracyRule.Exact, row.Example.Output, row.Answer);
            Kept!.Add(KeptAnswer.Of(row, KeptAnswer.Task, right ? "right" : "wrong", right));
        }
        return [.. Enum.GetValues<AccuracyRule>().Select(rule =>
            FinetuneAccuracy.Of(examples[0].Source, rule, answers, template.Id, Description(settings.TaskTokens)))];
    }

    private List<Answered> Answers(IReadOnlyList<Example> examples, int tokens, CancellationToken cancel)
    {
        int[][] prompts = [.. examples.Select(example => template.Prompt(example, tokenizer))];
        ContextLimit.Require(examples, prompts, tokens, model.Network.Shape.Context);
        var ends = EndTokens.Of(model, tokenizer).Union(template.EndsOfTurn(tokenizer)).ToImmutableArray();
        var generation = new GenerationOptions(
            tokens, settings.Temperature > 0, settings.Temperature > 0 ? settings.Temperature : 1, settings.TopK,
            settings.TopP, seed,
            tokenizer.EosId)
        {
            EndIds = ends,
            OnEnd = OnAnswer is { } told ? _ => told() : null,
        };
        int[][] answers = Generator.Generate(model, prompts, generation, Ranks, cancel);
        return [.. examples.Select(
            (example, i) => new Answered(example, tokenizer.Decode(EndTokens.Answer(answers[i], ends)).Trim()))];
    }

    private string Description(int tokens) => settings.Temperature > 0
        ? string.Create(CultureInfo.InvariantCulture,
            $"temperature {settings.Temperature}, top-k {settings.TopK}, top-p {settings.TopP}, seed {seed}, {tokens} new tokens")
        : string.Create(CultureInfo.InvariantCulture, $"greedy, {tokens} new tokens");
}
