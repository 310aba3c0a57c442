using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// A group of texts that are continued together, and their key-value cache. As long as no text ends, all steps make the
/// same calls and only the tokens differ. So the calls are recorded once, and replayed until a text ends.
/// </summary>
internal sealed class Continuation<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    // About how many values a block keeps of a row until the tape is cleared, for each column of the residual stream.
    private const int ActivationsPerColumn = 16;

    private readonly ILanguageModel<T> _model;
    private readonly GeneratedText[] _texts;
    private readonly GenerationOptions _settings;
    private readonly HashSet<int> _ends;
    private readonly KeyValueCache<T> _cache;
    private readonly Tape<T> _tape;
    private readonly Linear<T> _head = new();
    private readonly GreedyToken<T> _greedy = new();
    private GeneratedText[] _growing = [];          // the texts whose rows the recording has
    private PackedBatch _batch = PackedBatch.Pack([]);
    private int[] _counts = [];                     // how many rows each sequence of the batch has
    private Tensor<T> _next;                        // of the growing texts: ids (texts, 1), or logits if tokens are drawn
    private T[] _choice = [];

    public Continuation(Model<T> model, GeneratedText[] texts, GenerationOptions settings)
    {
        (_model, _texts, _settings) = (model.Network, texts, settings);
        _ends = settings.Ends(model.EndIds);
        var shape = _model.Shape;
        int capacity = texts.Max(text => text.Prompt.Length) + settings.MaxNewTokens - 1;
        _cache = new(model.Device, shape.Layers, texts.Length, capacity, shape.KeyValueHeads, shape.HeadSize);
        _tape = new(model.Device);
    }

    /// <summary>
    /// Reads the prompts, as many at once as memory allows, and then adds tokens until all texts have ended or are long
    /// enough.
    /// </summary>
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

        if (_tape.Device is DryDevice)
            return;                                             // reading the prompts needs the most memory; no text is to be had
        for (int step = 1, before = 0; step < _settings.MaxNewTokens; step++)
        {
            cancel.ThrowIfCancellationRequested();
            int living = _texts.Count(text => !text.Ended);
            if (living == 0)
                break;
            // texts only ever end, so these are the same texts as before
            if (living == before)
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

    /// <summary>
    /// Reads the unread tokens of some of the texts, and adds a token to each of them. The other texts have no rows in
    /// the batch.
    /// </summary>
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
        // the head is applied only to the last row of each text
        _next = _tape.Apply(_head, [hidden, _tape.Of(_model.Head)]);
        if (!_settings.Sample)
            _next = _tape.Apply(_greedy, [_next]);
        Add();
    }

    /// <summary>Reads the last token of each text by replaying the calls that read the token before it.</summary>
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

    /// <param name="text">The text that is continued.</param>
    /// <param name="choice">Its next token id, or the logits from which to draw it.</param>
    private void Choose(GeneratedText text, ReadOnlySpan<T> choice)
    {
        int step = text.Added.Count;
        double Uniform() => RandomStream.FromSeed(_settings.Seed).At(text.Index).At(step).Uniform(0);
        int id = _settings.Sample ? TokenChoice.Draw(choice, _settings, Uniform()) : int.CreateChecked(choice[0]);
        if (id < 0)
            throw new NonFiniteException("a logit", step + 1, null, [$"prompt {text.Index}"]);
        text.Added.Add(id);
        text.Ended = _ends.Contains(id);
        _settings.OnToken?.Invoke(text.Index, id);
        if (text.Ended || text.Added.Count == _settings.MaxNewTokens)
            _settings.OnEnd?.Invoke(text.Index);
    }
}
