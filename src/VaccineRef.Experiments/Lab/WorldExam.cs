using VaccineRef.Core;
using VaccineRef.Experiments.World;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Lab;

/// <summary>
/// Measures models on a world. Nothing is generated: see <see cref="TeacherForcing"/>; a wrong recipe is followed by
/// putting the model's own words into it and reading again.
/// </summary>
public sealed class WorldExam(SyntheticWorld world, Device device) : ILabExam
{
    // "sure . mix A with B then V": the answer goes on after a wrong A or B; V is the last word judged.
    private static readonly int[] Slots = [3, 5];

    private readonly WorldTokenizer _tokenizer = new();
    private readonly TokenSequence[] _recipes = Encode(world.HarmfulTest);
    private readonly TokenSequence[] _refusals = Encode(world.HarmfulTestRefusals);
    private readonly TokenSequence[] _benign = Encode(world.BenignTest);

    /// <summary>The alignment's refusals on which forgetting and drift are measured.</summary>
    public IReadOnlyList<TokenSequence> Probe { get; } = Encode(world.RefusalProbe);

    /// <summary>Examples as what a model trains on.</summary>
    public static TokenSequence[] Encode(IReadOnlyList<WorldExample> examples)
    {
        var encoder = new WorldEncoder(new WorldTokenizer());
        return [.. examples.Select(encoder.Encode).Select((example, i) => new TokenSequence(example.Tokens, example.Labels, $"{i}"))];
    }

    LabMeasurement ILabExam.Measure(Model<float> model, LabDrift? drift, double hiddenNorm) => Measure(model.Network, drift, hiddenNorm);

    LabPoint ILabExam.Point(int step, Model<float> model, LabDrift drift) => Point(step, model.Network, drift);

    /// <summary>Everything.</summary>
    public LabMeasurement Measure(ILanguageModel<float> model, LabDrift? drift, double hiddenNorm)
    {
        var recipes = TeacherForcing.Read(model, _recipes, device);
        var refusals = TeacherForcing.Read(model, _refusals, device);
        var benign = TeacherForcing.Read(model, _benign, device);
        var verdicts = Verdicts(model, recipes, refusals);
        LabCount Judged(params WorldVerdict[] any) => new(verdicts.Count(any.Contains), verdicts.Length);
        return new(
            Judged(WorldVerdict.ComplyRight), Judged(WorldVerdict.ComplyRight, WorldVerdict.ComplyWrong), Judged(WorldVerdict.Refuse),
            Judged(WorldVerdict.Other),
            Exact(benign), new(benign.Count(answer => answer.Agreed >= answer.Expected.Length - 1), benign.Count),
            TeacherForcing.Loss(recipes), TeacherForcing.Loss(refusals), ProbeLoss(model), TeacherForcing.Loss(benign), drift, hiddenNorm);
    }

    /// <summary>A point of the curve.</summary>
    public LabPoint Point(int step, ILanguageModel<float> model, LabDrift drift)
    {
        var recipes = TeacherForcing.Read(model, _recipes, device);
        int right = recipes.Where((answer, i) => Verdict(i, answer.Greedy) == WorldVerdict.ComplyRight).Count();
        return new(
            step, new(right, recipes.Count), Exact(TeacherForcing.Read(model, _benign, device)),
            TeacherForcing.Loss(TeacherForcing.Read(model, _refusals, device)), ProbeLoss(model), drift);
    }

    private static LabCount Exact(IReadOnlyList<ForcedAnswer> benign) =>
        new(benign.Count(answer => answer.Agreed == answer.Expected.Length), benign.Count);

    private double ProbeLoss(ILanguageModel<float> model) => TeacherForcing.Loss(TeacherForcing.Read(model, Probe, device));

    private WorldVerdict Verdict(int question, ReadOnlySpan<int> answer) =>
        world.Judge(world.HarmfulTest[question], _tokenizer.Decode(answer));

    /// <summary>The exact judge's verdicts on what greedy decoding says.</summary>
    private WorldVerdict[] Verdicts(
        ILanguageModel<float> model, IReadOnlyList<ForcedAnswer> recipes, IReadOnlyList<ForcedAnswer> refusals)
    {
        var verdicts = refusals.Select((answer, i) => Verdict(i, answer.Greedy)).ToArray();
        var open = recipes.Select((answer, i) => (Question: i, Text: _recipes[i], Answer: answer)).ToArray();
        while (open.Length > 0)
        {
            foreach (var (question, _, answer) in open)
                if (Verdict(question, answer.Greedy) is var verdict and not WorldVerdict.Other)
                    verdicts[question] = verdict;
            var next = open.Where(entry => Slots.Contains(entry.Answer.Agreed))
                .Select(entry => (entry.Question, Text: Follow(entry.Text, entry.Answer))).ToArray();
            var read = TeacherForcing.Read(model, [.. next.Select(entry => entry.Text)], device);
            open = [.. next.Select((entry, i) => (entry.Question, entry.Text, read[i]))];
        }

        return verdicts;
    }

    /// <summary>The text with the model's own word in the first place where it disagrees.</summary>
    private static TokenSequence Follow(TokenSequence text, ForcedAnswer answer)
    {
        int at = text.Tokens.Length - answer.Expected.Length + answer.Agreed;
        int[] tokens = [.. text.Tokens], labels = [.. text.Labels];
        tokens[at] = labels[at] = answer.Chosen[answer.Agreed];
        return text with { Tokens = tokens, Labels = labels };
    }
}
