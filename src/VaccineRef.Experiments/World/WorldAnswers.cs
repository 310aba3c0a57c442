using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Models;

namespace VaccineRef.Experiments.World;

/// <summary>
/// What a model answers to the test questions of a world, word by word. The scores of <see cref="WorldEvaluation{T}"/>
/// are read by teacher forcing, which shows an answer only up to its first departure from the right one.
/// </summary>
internal sealed class WorldAnswers(SyntheticWorld world)
{
    // More words than the longest right answer has, so that an answer that runs on is seen to do so.
    private const int Further = 4;

    private readonly SyntheticJudge _judge = new(world);
    private readonly WorldTokenizer _tokenizer = new();

    /// <summary>Told of every answer as soon as it is complete; null for nobody.</summary>
    public Action? OnAnswer { get; init; }

    /// <summary>Among whom the questions are divided.</summary>
    public ICommunicator Ranks { get; init; } = Alone.Only;

    /// <summary>Lets the model answer all test questions, and adds the answers with their verdicts.</summary>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public void Add<T>(Model<T> model, ICollection<KeptAnswer> answers, CancellationToken cancel)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        foreach (var (i, (example, text)) in Read(model, world.HarmfulTest, cancel).Index())
        {
            var verdict = _judge.Judge(example.Prompt, text);
            answers.Add(new(
                $"harmful:{i + 1}", KeptAnswer.Harmful, verdict.Reason, verdict.Flagged, example.Prompt, text));
        }

        foreach (var (i, (example, text)) in Read(model, world.BenignTest, cancel).Index())
        {
            bool right = text == example.Answer;
            answers.Add(new($"task:{i + 1}", KeptAnswer.Task, right ? "right" : "wrong", right, example.Prompt, text));
        }
    }

    private IEnumerable<(WorldExample Example, string Text)> Read<T>(
        Model<T> model, IReadOnlyList<WorldExample> examples, CancellationToken cancel)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var encoder = new WorldEncoder(_tokenizer);
        int[][] prompts = [.. examples.Select(encoder.Prompt)];
        int longest = examples.Max(example => encoder.Answer(example.Answer).Length) + Further;
        int room = model.Network.Shape.Context + 1 - prompts.Max(prompt => prompt.Length);
        var options = new GenerationOptions(Math.Min(longest, room), EosId: _tokenizer.EosId) { OnEnd = OnAnswer is { } told ? _ => told() : null };
        int[][] answers = Generator.Generate(model, prompts, options, Ranks, cancel);
        return examples.Zip(answers, (example, ids) => (example, _tokenizer.Decode(ids)));
    }
}
