using VaccineRef.Experiments.Data;
using VaccineRef.Models;

namespace VaccineRef.Experiments.World;

/// <summary>
/// Turns examples into tokens and labels. The loss counts the answer and the end of text, but not the prompt.
/// Statements and reviews have a question and an answer too, so the same rule serves every kind of example.
/// </summary>
public sealed class WorldEncoder(ITextTokenizer tokenizer)
{
    /// <summary>Encodes examples as sequences that a model can be trained on, in the given order.</summary>
    public static TokenSequence[] Encode(IReadOnlyList<WorldExample> examples)
    {
        var encoder = new WorldEncoder(new WorldTokenizer());
        return [.. examples.Select(encoder.Encode)
            .Select((example, i) => new TokenSequence(example.Tokens, example.Labels, $"{i}"))];
    }

    /// <summary>Encodes one example: its prompt, its answer and the end of text.</summary>
    public TokenizedExample Encode(WorldExample example)
    {
        int[] prompt = Prompt(example), answer = Answer(example.Answer);
        var labels = new int[prompt.Length + answer.Length];
        labels.AsSpan(0, prompt.Length).Fill(PackedBatch.Ignored);
        answer.CopyTo(labels, prompt.Length);
        string id = $"{example.Kind}: {example.Item}";
        return new TokenizedExample([.. prompt, .. answer], labels, prompt.Length, id, Truncated: false);
    }

    /// <summary>The tokens of the prompt alone, from which generation starts.</summary>
    public int[] Prompt(WorldExample example) => tokenizer.Encode(example.Prompt);

    /// <summary>
    /// The tokens of an answer as it follows a prompt, or of the first words of one. The end of text is added unless
    /// <paramref name="ended"/> is false.
    /// </summary>
    public int[] Answer(string answer, bool ended = true)
    {
        int[] words = tokenizer.Encode(answer, addSpecialTokens: false);
        return ended && tokenizer.EosId is int eos ? [.. words, eos] : words;
    }
}
