using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// Continues many prompts at once: reads them all in one packed pass, then adds a row for each living sequence, with keys and values
/// cached. A prompt's continuation does not depend on its neighbours: neither the arithmetic of a row nor its draws do.
/// </summary>
public static class Generator
{
    // Bounds on what one group of prompts takes: the cache for its whole length, and the activations of reading the prompts, of which a
    // block keeps about 16 values for each column of the stream.
    private const long MaxCacheBytes = 1L << 30, MaxActivationBytes = 1L << 30;
    private const int ActivationsPerColumn = 16;

    /// <summary>Continues <paramref name="prompts"/>.</summary>
    /// <param name="model">The model; dropout is off and no tap listens.</param>
    /// <param name="prompts">Token ids, at least one in each.</param>
    /// <param name="settings">How.</param>
    /// <returns>The continuations alone, in the order of the prompts; one that ended holds its end token.</returns>
    /// <exception cref="InputException">A prompt is empty, or too long for the model's context with what is to be added.</exception>
    /// <exception cref="NonFiniteException">A logit is NaN.</exception>
    public static int[][] Generate<T>(Model<T> model, IReadOnlyList<int[]> prompts, GenerationSettings settings)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        settings.Check();
        for (int i = 0; i < prompts.Count; i++)
            Check(i, prompts[i], settings, model.Network.Shape.Context);
        var texts = prompts.Select((prompt, i) => new Text(i, prompt)).ToArray();
        for (int first = 0; first < texts.Length;)
        {
            int count = GroupSize<T>(model.Network.Shape, texts.AsSpan(first), settings.MaxNewTokens);
            Continue(model, texts[first..(first + count)], settings);
            first += count;
        }

        return [.. texts.Select(text => text.Added.ToArray())];
    }

    private sealed record Text(int Index, int[] Prompt)
    {
        public List<int> Added { get; } = [];

        public bool Ended { get; set; }

        /// <summary>What the model has yet to read.</summary>
        public int[] Unread => Ended ? [] : Added.Count == 0 ? Prompt : [Added[^1]];
    }

    private static void Check(int index, int[] prompt, GenerationSettings settings, int context)
    {
        int read = prompt.Length + settings.MaxNewTokens - 1;        // the last token is not read again
        if (prompt.Length == 0 || read > context)
            throw new InputException(
                "a prompt cannot be continued", $"prompt {index}", $"{prompt.Length} tokens and {settings.MaxNewTokens} to be added",
                $"at least one token, and at most {context + 1} in all", "shorten the prompt, or ask for fewer new tokens");
    }

    /// <summary>How many of the first texts fit into the bounds, at least one.</summary>
    private static int GroupSize<T>(ModelShape shape, ReadOnlySpan<Text> texts, int newTokens)
    {
        long cacheBytes = 2L * shape.Layers * shape.KeyValueHeads * shape.HeadSize * Unsafe.SizeOf<T>();
        long activationBytes = (long)ActivationsPerColumn * shape.Layers * shape.Hidden * Unsafe.SizeOf<T>();
        long rows = 0, longest = 0;
        int count = 0;
        foreach (var text in texts)
        {
            rows += text.Prompt.Length;
            longest = Math.Max(longest, text.Prompt.Length + newTokens);
            bool fits = longest * (count + 1) * cacheBytes <= MaxCacheBytes && rows * activationBytes <= MaxActivationBytes;
            if (!fits && count > 0)
                break;
            count++;
        }

        return count;
    }

    private static void Continue<T>(Model<T> model, Text[] texts, GenerationSettings settings)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var shape = model.Network.Shape;
        int capacity = texts.Max(text => text.Prompt.Length) + settings.MaxNewTokens - 1;
        using var cache = new KeyValueCache<T>(
            model.Device, shape.Layers, texts.Length, capacity, shape.KeyValueHeads, shape.HeadSize);
        using var tape = new Tape<T>(model.Device);
        var logits = new T[(long)texts.Length * shape.Vocabulary];
        for (int step = 0; step < settings.MaxNewTokens && texts.Any(text => !text.Ended); step++)
        {
            Text[] living = [.. texts.Where(text => !text.Ended)];
            var batch = PackedBatch.Pack([.. texts.Select(text => text.Unread)], cache.Lengths);
            NextLogits(model, tape, batch, cache, logits.AsSpan(0, living.Length * shape.Vocabulary));
            for (int i = 0; i < living.Length; i++)
                Choose(living[i], logits.AsSpan(i * shape.Vocabulary, shape.Vocabulary), settings);
        }
    }

    /// <summary>The logits after each sequence that has rows in the batch. Only those rows meet the head.</summary>
    private static void NextLogits<T>(
        Model<T> model, Tape<T> tape, PackedBatch batch, KeyValueCache<T> cache, Span<T> logits)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int[] counts = [.. Enumerable.Range(0, batch.Sequences).Select(s => batch.Offsets[s + 1] - batch.Offsets[s])];
        int[] last = [.. Enumerable.Range(0, batch.Sequences).Where(s => counts[s] > 0).Select(s => batch.Offsets[s + 1] - 1)];
        var hidden = model.Network.Forward(new(tape, new NoTap<T>()), batch, cache);
        cache.Advance(counts);
        var rows = tape.Apply(new Embedding<T>(), [hidden], last);
        tape.Device.Download(tape.Apply(new Linear<T>(), [rows, tape.Of(model.Network.Head)]).Value, logits);
        tape.Clear();
    }

    private static void Choose<T>(Text text, ReadOnlySpan<T> logits, GenerationSettings settings)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int step = text.Added.Count;
        double Uniform() => RandomStream.FromSeed(settings.Seed).At(text.Index).At(step).Uniform(0);
        int id = settings.Sample ? TokenChoice.Draw(logits, settings, Uniform()) : TokenChoice.Greedy(logits);
        if (id < 0)
            throw new NonFiniteException("a logit", step + 1, null, [$"prompt {text.Index}"]);
        text.Added.Add(id);
        text.Ended = id == settings.EosId;
    }
}
