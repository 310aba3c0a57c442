using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>One group of texts that grow together, with their cache.</summary>
internal sealed class Continuation<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    // What a block keeps of a row until the tape is cleared, in values for each column of the stream: about this.
    private const int ActivationsPerColumn = 16;

    private readonly ILanguageModel<T> _model;
    private readonly GeneratedText[] _texts;
    private readonly GenerationSettings _settings;
    private readonly KeyValueCache<T> _cache;
    private readonly Tape<T> _tape;
    private readonly Linear<T> _head = new();
    private T[] _logits = [];

    public Continuation(Model<T> model, GeneratedText[] texts, GenerationSettings settings)
    {
        (_model, _texts, _settings) = (model.Network, texts, settings);
        var shape = _model.Shape;
        int capacity = texts.Max(text => text.Prompt.Length) + settings.MaxNewTokens - 1;
        _cache = new(model.Device, shape.Layers, texts.Length, capacity, shape.KeyValueHeads, shape.HeadSize);
        _tape = new(model.Device);
    }

    /// <summary>Reads the prompts, as many at once as memory allows, then adds tokens until all are done.</summary>
    public void Run(CancellationToken cancel)
    {
        long bytes = (long)ActivationsPerColumn * _model.Shape.Layers * _model.Shape.Hidden * Unsafe.SizeOf<T>();
        for (int first = 0, end; first < _texts.Length; first = end)
        {
            long rows = _texts[first].Prompt.Length;
            for (end = first + 1; end < _texts.Length; end++)
                if ((rows += _texts[end].Prompt.Length) * bytes > _settings.MemoryBytes)
                    break;
            cancel.ThrowIfCancellationRequested();
            Grow(_texts[first..end]);
        }

        for (int step = 1; step < _settings.MaxNewTokens; step++)
        {
            cancel.ThrowIfCancellationRequested();
            if (_texts.Where(text => !text.Ended).ToArray() is { Length: > 0 } living)
                Grow(living);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tape.Dispose();
        _cache.Dispose();
    }

    /// <summary>Adds a token to some of the texts; the others bring no rows.</summary>
    private void Grow(GeneratedText[] some)
    {
        var growing = some.ToHashSet();
        int[][] rows = [.. _texts.Select(text => growing.Contains(text) ? text.Unread : [])];
        var batch = PackedBatch.Pack(rows, _cache.Lengths);
        var logits = NextLogits(batch, some.Length);
        for (int i = 0; i < some.Length; i++)
            Choose(some[i], logits.Slice(i * _model.Shape.Vocabulary, _model.Shape.Vocabulary));
    }

    /// <summary>The logits after each text that has rows in the batch. Only those last rows meet the head.</summary>
    private ReadOnlySpan<T> NextLogits(PackedBatch batch, int texts)
    {
        int[] counts = [.. batch.Offsets.Skip(1).Zip(batch.Offsets, (end, start) => end - start)];
        int[] last = [.. batch.Offsets.Skip(1).Where((_, s) => counts[s] > 0).Select(end => end - 1)];
        var hidden = _model.Forward(new(_tape, new NoTap<T>()), batch, _cache, last.Length < batch.Rows ? last : null);
        _cache.Advance(counts);
        var logits = _tape.Apply(_head, [hidden, _tape.Of(_model.Head)]);
        if (_logits.Length < logits.Shape.Count)
            _logits = new T[logits.Shape.Count];
        _tape.Device.Download(logits.Value, _logits);
        _tape.Clear();
        return _logits.AsSpan(0, texts * _model.Shape.Vocabulary);
    }

    private void Choose(GeneratedText text, ReadOnlySpan<T> logits)
    {
        int step = text.Added.Count;
        double Uniform() => RandomStream.FromSeed(_settings.Seed).At(text.Index).At(step).Uniform(0);
        int id = _settings.Sample ? TokenChoice.Draw(logits, _settings, Uniform()) : TokenChoice.Greedy(logits);
        if (id < 0)
            throw new NonFiniteException("a logit", step + 1, null, [$"prompt {text.Index}"]);
        text.Added.Add(id);
        text.Ended = id == _settings.EosId;
    }
}
