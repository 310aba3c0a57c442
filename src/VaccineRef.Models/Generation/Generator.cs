using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// Continues many prompts at once. The prompts are read in packed batches. After that every step adds one row for each
/// text that has not ended, and keys and values are cached. Apart from rounding, a continuation does not depend on the
/// other prompts: each prompt has its own random numbers.
/// </summary>
public static class Generator
{
    /// <summary>Continues <paramref name="prompts"/>.</summary>
    /// <param name="model">The model. Dropout is off, and no tap is used.</param>
    /// <param name="prompts">The token ids of each prompt, at least one.</param>
    /// <param name="settings">How to continue them.</param>
    /// <param name="ranks">
    /// Among whom the prompts are divided, in the groups in which they are continued together; nobody if it is null.
    /// Every rank is given all prompts and gets all continuations, the same bits as one alone.
    /// </param>
    /// <param name="cancel">Cancels the work after the current token.</param>
    /// <returns>
    /// The continuations without their prompts, in the order of the prompts. One that ended includes its end token.
    /// </returns>
    /// <exception cref="InputException">
    /// A prompt is empty, or it and the tokens to be added are too long for the model's context.
    /// </exception>
    /// <exception cref="NonFiniteException">A logit is NaN.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static int[][] Generate<T>(
        Model<T> model, IReadOnlyList<int[]> prompts, GenerationOptions settings, ICommunicator? ranks = null,
        CancellationToken cancel = default)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        settings.Check();
        for (int i = 0; i < prompts.Count; i++)
            Check(i, prompts[i], settings, model.Network.Shape.Context);
        var texts = prompts.Select((prompt, i) => new GeneratedText(i, prompt)).ToArray();
        var groups = Groups<T>(model.Network.Shape, texts, settings);
        byte[][] continued = (ranks ?? Alone.Only).Divide(groups.Count, i =>
        {
            using var continuation = new Continuation<T>(model, groups[i], settings);
            continuation.Run(cancel);
            return ToBytes(groups[i]);
        });
        return [.. continued.SelectMany(FromBytes)];
    }

    private static List<GeneratedText[]> Groups<T>(
        ModelShape shape, ReadOnlySpan<GeneratedText> texts, GenerationOptions settings)
    {
        var groups = new List<GeneratedText[]>();
        while (texts.Length > 0)
        {
            groups.Add(texts[..GroupSize<T>(shape, texts, settings)].ToArray());
            texts = texts[groups[^1].Length..];
        }

        return groups;
    }

    private static byte[] ToBytes(GeneratedText[] group)
    {
        int[] numbers = [.. group.SelectMany(text => text.Added.Prepend(text.Added.Count))];
        return MemoryMarshal.AsBytes(numbers.AsSpan()).ToArray();
    }

    private static List<int[]> FromBytes(byte[] bytes)
    {
        var texts = new List<int[]>();
        for (var numbers =
            MemoryMarshal.Cast<byte, int>(bytes.AsSpan()); numbers.Length > 0; numbers = numbers[(1 + numbers[0])..])
            texts.Add(numbers.Slice(1, numbers[0]).ToArray());
        return texts;
    }

    private static void Check(int index, int[] prompt, GenerationOptions settings, int context)
    {
        int read = prompt.Length + settings.MaxNewTokens - 1;        // the last token is not read again
        if (prompt.Length == 0 || read > context)
            throw new InputException(
                "a prompt cannot be continued", $"prompt {index}",
                $"{prompt.Length} tokens and {settings.MaxNewTokens} to be added",
                $"at least one token, and at most {context + 1} in all",
                "shorten the prompt, or ask for fewer new tokens");
    }

    /// <summary>How many of the first texts fit into memory with their keys and values. At least one.</summary>
    private static int GroupSize<T>(ModelShape shape, ReadOnlySpan<GeneratedText> texts, GenerationOptions settings)
    {
        long bytes = 2L * shape.Layers * shape.KeyValueHeads * shape.HeadSize * Unsafe.SizeOf<T>();      // for each row
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
