using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// One group of texts that grow together, with their cache. Step after step the calls are the same but for the tokens:
/// they are recorded once and replayed until a text ends.
/// </summary>
internal sealed class Continuation<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    // What a block keeps of a row until the tape is cleared, in values for each column of the stream: about this.
    private const int ActivationsPerColumn = 16;

    private readonly ILanguageModel<T> _model;
    private readonly GeneratedText[] _texts;
    private readonly GenerationSettings _settings;
    private readonly HashSet<int> _ends;
    private readonly KeyValueCache<T> _cache;
    private readonly Tape<T> _tape;
    private readonly Linear<T> _head = new();
    private readonly GreedyToken<T> _greedy = new();
    private GeneratedText[] _growing = [];          // whose rows the recording has
    private PackedBatch _batch = PackedBatch.Pack([]);
    private int[] _counts = [];                     // rows of each sequence of the batch
    private Tensor<T> _next;                        // of the growing texts: ids (texts, 1), or logits where they are drawn
    private T[] _choice = [];

    public Continuation(Model<T> model, GeneratedText[] texts, GenerationSettings settings)
    {
        (_model, _texts, _settings) = (model.Network, texts, settings);
        _ends = settings.Ends(model.EndIds);
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
            Read(_texts[first..end]);
        }

        for (int step = 1, before = 0; step < _settings.MaxNewTokens; step++)
        {
            cancel.ThrowIfCancellationRequested();
            int living = _texts.Count(text => !text.Ended);
            if (living == 0)
                break;
            if (living == before)                               // texts only leave: they are the same
                Repeat();
            else
                Read([.. _texts.Where(text => !text.Ended)]);
            before = living;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tape.Dispose();
        _cache.Dispose();
    }

    /// <summary>Reads what some of the texts have unread and adds a token to each; the others bring no rows.</summary>
    private void Read(GeneratedText[] some)
    {
        var growing = some.ToHashSet();
        _growing = some;
        int[][] rows = [.. _texts.Select(text => growing.Contains(text) ? text.Unread : [])];
        _batch = PackedBatch.Pack(rows, _cache.Lengths);
        _counts = [.. _batch.Offsets.Skip(1).Zip(_batch.Offsets, (end, start) => end - start)];
        int[] last = [.. _batch.Offsets.Skip(1).Where((_, s) => _counts[s] > 0).Select(end => end - 1)];
        _tape.Clear();
        var pass = new Pass<T>(_tape, new NoTap<T>());
        var hidden = _model.Forward(pass, _batch, _cache, last.Length < _batch.Rows ? last : null);
        _next = _tape.Apply(_head, [hidden, _tape.Of(_model.Head)]);            // only last rows meet the head
        if (!_settings.Sample)
            _next = _tape.Apply(_greedy, [_next]);
        Add();
    }

    /// <summary>Reads the token that each text got last, by the calls that read the one before.</summary>
    private void Repeat()
    {
        for (int row = 0; row < _growing.Length; row++)
        {
            _batch.Tokens[row] = _growing[row].Added[^1];
            _batch.Positions[row]++;
        }

        _tape.Replay();
        Add();
    }

    /// <summary>Adds a token to each text that was read.</summary>
    private void Add()
    {
        _cache.Advance(_counts);
        int columns = _next.Shape.Columns, count = _growing.Length * columns;
        if (_choice.Length < count)
            _choice = new T[count];
        _tape.Device.Download(_next.Value, _choice.AsSpan(0, count));
        for (int i = 0; i < _growing.Length; i++)
            Choose(_growing[i], _choice.AsSpan(i * columns, columns));
    }

    /// <param name="text">The text that grows.</param>
    /// <param name="choice">Its next id, or the logits to draw it from.</param>
    private void Choose(GeneratedText text, ReadOnlySpan<T> choice)
    {
        int step = text.Added.Count;
        double Uniform() => RandomStream.FromSeed(_settings.Seed).At(text.Index).At(step).Uniform(0);
        int id = _settings.Sample ? TokenChoice.Draw(choice, _settings, Uniform()) : int.CreateChecked(choice[0]);
        if (id < 0)
            throw new NonFiniteException("a logit", step + 1, null, [$"prompt {text.Index}"]);
        text.Added.Add(id);
        text.Ended = _ends.Contains(id);
    }
}
