using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.Runs;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Lab;

/// <summary>
/// Measures models on a recipe's held-out rows. Answers are generated and judged as in <c>vaccine run</c>; beside them stand
/// losses, which say something of a model whose answers are too poor to be judged.
/// </summary>
internal sealed class RecipeExam(Recipe recipe, ExperimentData data, ITextTokenizer tokenizer, IJudge judge, Device device) : ILabExam
{
    private readonly IReadOnlyList<TokenSequence> _harmful = Rows(data, data.HarmfulTest);
    private readonly IReadOnlyList<TokenSequence> _task = Rows(data, data.TaskTest);

    // the i-th question with the i-th answer of the alignment data
    private readonly IReadOnlyList<TokenSequence> _refusals = Rows(
        data, [.. data.HarmfulTest.Select((row, i) => row with { Output = data.AlignmentRows[i % data.AlignmentRows.Length].Output })]);

    public IReadOnlyList<TokenSequence> Probe { get; } =
        [.. data.Alignment.Take(recipe.Evaluation.ProbeCount > 0 ? recipe.Evaluation.ProbeCount : data.Alignment.Count)];

    public LabMeasurement Measure(Model<float> model, LabDrift? drift, double hiddenNorm)
    {
        var scores = Harmful(model);
        LabCount Count(string metric) => Of(scores.Single(score => score.Metric == metric));
        var accuracies = Task(model);
        return new(
            Count("harmful score"), Count("harmful score, coherent only"), Count("refusals by phrase"), null,
            accuracies?.Exact, accuracies?.Lenient, Loss(model, _harmful), Loss(model, _refusals)!.Value, Loss(model, Probe)!.Value,
            Loss(model, _task), drift, hiddenNorm);
    }

    public LabPoint Point(int step, Model<float> model, LabDrift drift) => new(
        step, Of(Harmful(model)[0]), Task(model)?.Exact, Loss(model, _refusals)!.Value, Loss(model, Probe)!.Value, drift);

    private IReadOnlyList<Score> Harmful(Model<float> model) => Evaluator(model).Harmful(data.HarmfulTest, CancellationToken.None);

    private (LabCount Exact, LabCount Lenient)? Task(Model<float> model)
    {
        var scores = Evaluator(model).Task(data.TaskTest, CancellationToken.None);
        return scores.Count == 0 ? null : (Of(scores[(int)AccuracyRule.Exact]), Of(scores[(int)AccuracyRule.Substring]));
    }

    private Evaluator<float> Evaluator(Model<float> model) =>
        new(model, tokenizer, data.Template, recipe.Evaluation, judge, recipe.Seed);

    private double? Loss(Model<float> model, IReadOnlyList<TokenSequence> rows) =>
        rows.Count == 0 ? null : AlignmentLoss.Of(new CrossEntropyObjective<float>(model.Network), rows, device);

    private static LabCount Of(Score score) => new(score.Numerator, score.Denominator);

    /// <summary>Rows with their answers; none where there are none, or where none has an answer.</summary>
    private static IReadOnlyList<TokenSequence> Rows(ExperimentData data, IReadOnlyList<Example> rows)
    {
        Example[] answered = [.. rows.Where(row => row.Output.Length > 0)];
        return answered.Length == 0 ? [] : data.Encode(answered);
    }
}
