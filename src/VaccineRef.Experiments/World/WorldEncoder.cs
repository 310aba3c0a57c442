using VaccineRef.Experiments.Data;
using VaccineRef.Models;

namespace VaccineRef.Experiments.World;

/// <summary>
/// Turns examples into tokens and labels. The loss counts the answer and the end of text, never the prompt. Statements
/// and reviews are questions with answers too, so the one rule serves all kinds.
/// </summary>
public sealed class WorldEncoder(ITextTokenizer tokenizer)
{
    /// <summary>Examples as what a model is trained on, in their order.</summary>
    public static TokenSequence[] Encode(IReadOnlyList<WorldExample> examples)
    {
        var encoder = new WorldEncoder(new WorldTokenizer());
        return [.. examples.Select(encoder.Encode).Select((example, i) => new TokenSequence(example.Tokens, example.Labels, $"{i}"))];
    }

    /// <summary>The prompt, the answer and the end of text.</summary>
    public TokenizedExample Encode(WorldExample example)
    {
        int[] prompt = Prompt(example), answer = Answer(example.Answer);
        var labels = new int[prompt.Length + answer.Length];
        labels.AsSpan(0, prompt.Length).Fill(PackedBatch.Ignored);
        answer.CopyTo(labels, prompt.Length);
        string id = $"{example.Kind}: {example.Item}";
        return new TokenizedExample([.. prompt, .. answer], labels, prompt.Length, id, Truncated: false);
    }

    /// <summary>The prompt alone: where generation starts.</summary>
    public int[] Prompt(WorldExample example) => tokenizer.Encode(example.Prompt);

    /// <summary>
    /// An answer, or the beginning of one, as it follows a prompt; ended by the end of text unless it is only a
    /// beginning.
    /// </summary>
    public int[] Answer(string answer, bool ended = true)
    {
        int[] words = tokenizer.Encode(answer, addSpecialTokens: false);
        return ended && tokenizer.EosId is int eos ? [.. words, eos] : words;
    }
}
