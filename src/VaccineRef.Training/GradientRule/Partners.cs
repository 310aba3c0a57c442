using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// The rows of a stream by their prompts, for a rule that needs another answer to a prompt of its batch.
/// </summary>
internal sealed class Partners
{
    private readonly Dictionary<string, TokenSequence> _byPrompt = [];

    /// <summary>
    /// Looks through a stream once. Of rows with the same prompt the first counts; rows without an answer count for
    /// nothing.
    /// </summary>
    public Partners(BatchStream stream)
    {
        foreach (var row in stream.Data)
            if (Array.FindIndex(row.Labels, 1, label => label != PackedBatch.Ignored) is > 0 and var prompt)
                _byPrompt.TryAdd(Key(row.Tokens.AsSpan(0, prompt)), row);
    }

    /// <summary>The sequences of a batch whose prompts the stream has too, in the order of the batch.</summary>
    public IReadOnlyList<Partner> Of(PackedBatch batch)
    {
        var found = new List<Partner>();
        for (int i = 0; i < batch.Sequences; i++)
        {
            int first = batch.Offsets[i], count = batch.Offsets[i + 1] - first;
            int last = Array.FindIndex(batch.Targets, first, count, target => target != PackedBatch.Ignored);
            // the last token of a prompt predicts the first of its answer
            int prompt = last - first + 1;
            if (last >= 0 && _byPrompt.TryGetValue(Key(batch.Tokens.AsSpan(first, prompt)), out var row))
                found.Add(new(first, prompt, row));
        }

        return found;
    }

    private static string Key(ReadOnlySpan<int> prompt) => string.Join(',', prompt.ToArray());
}

/// <summary>A prompt of a batch, and a row of a stream that begins with the same prompt.</summary>
/// <param name="First">The first row of the prompt in the batch.</param>
/// <param name="Prompt">The tokens of the prompt.</param>
/// <param name="Row">The row of the stream.</param>
internal readonly record struct Partner(int First, int Prompt, TokenSequence Row);
