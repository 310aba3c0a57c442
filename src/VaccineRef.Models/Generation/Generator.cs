using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// Continues many prompts at once: reads them packed, then adds a row for each living text, with keys and values
/// cached. But for rounding a continuation does not depend on its neighbours: a prompt's draws are its own.
/// </summary>
public static class Generator
{
    /// <summary>Continues <paramref name="prompts"/>.</summary>
    /// <param name="model">The model; dropout is off and no tap listens.</param>
    /// <param name="prompts">Token ids, at least one in each.</param>
    /// <param name="settings">How.</param>
    /// <param name="cancel">Stops after the token under way.</param>
    /// <returns>The continuations alone, in the order of the prompts; one that ended holds its end token.</returns>
    /// <exception cref="InputException">
    /// A prompt is empty, or too long for the model's context with what is to be added.
    /// </exception>
    /// <exception cref="NonFiniteException">A logit is NaN.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static int[][] Generate<T>(
        Model<T> model, IReadOnlyList<int[]> prompts, GenerationSettings settings, CancellationToken cancel = default)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        settings.Check();
        for (int i = 0; i < prompts.Count; i++)
            Check(i, prompts[i], settings, model.Network.Shape.Context);
        var texts = prompts.Select((prompt, i) => new GeneratedText(i, prompt)).ToArray();
        for (int first = 0; first < texts.Length;)
        {
            var group = texts.AsSpan(first, GroupSize<T>(model.Network.Shape, texts.AsSpan(first), settings)).ToArray();
            using var continuation = new Continuation<T>(model, group, settings);
            continuation.Run(cancel);
            first += group.Length;
        }

        return [.. texts.Select(text => text.Added.ToArray())];
    }

    private static void Check(int index, int[] prompt, GenerationSettings settings, int context)
    {
        int read = prompt.Length + settings.MaxNewTokens - 1;        // the last token is not read again
        if (prompt.Length == 0 || read > context)
            throw new InputException(
                "a prompt cannot be continued", $"prompt {index}",
                $"{prompt.Length} tokens and {settings.MaxNewTokens} to be added",
                $"at least one token, and at most {context + 1} in all",
                "shorten the prompt, or ask for fewer new tokens");
    }

    /// <summary>How many of the first texts have room for their keys and values, at least one.</summary>
    private static int GroupSize<T>(ModelShape shape, ReadOnlySpan<GeneratedText> texts, GenerationSettings settings)
    {
        long bytes = 2L * shape.Layers * shape.KeyValueHeads * shape.HeadSize * Unsafe.SizeOf<T>();      // of a row
        long longest = 0;
        int count = 0;
        foreach (var text in texts)
        {
            longest = Math.Max(longest, text.Prompt.Length + settings.MaxNewTokens - 1);
            if (count > 0 && longest * (count + 1) * bytes > settings.MemoryBytes)
                break;
            count++;
        }

        return count;
    }
}
