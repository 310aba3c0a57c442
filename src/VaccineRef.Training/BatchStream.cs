using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The names under which rules ask for data beside the batches of their stage.</summary>
public static class StreamName
{
    /// <summary>Harmful questions that are answered: what an attack would train on.</summary>
    public const string Harmful = "harmful";

    /// <summary>The alignment data that a harmful fine-tuning makes a model forget first.</summary>
    public const string Vulnerable = "vulnerable";

    /// <summary>
    /// Harmful questions that are refused and harmless ones that are answered, for a rule of the fine-tuning.
    /// </summary>
    public const string Alignment = "alignment";

    /// <summary>Rows of the user's task.</summary>
    public const string Task = "task";
}

/// <summary>
/// Data beside the batches of a stage: goes through it again and again in batches, in a new random order each time. The
/// order depends on its own random stream alone, so that nobody else's draws change it.
/// </summary>
public sealed class BatchStream
{
    private readonly IReadOnlyList<TokenSequence> _data;
    private readonly int _batchSize;
    private readonly RandomStream _order;
    private readonly int[] _index;
    private int _round, _next;

    /// <summary>Begins with the first batch.</summary>
    /// <param name="data">The examples.</param>
    /// <param name="batchSize">Sequences in a batch; the last batch of a round gets what is left.</param>
    /// <param name="order">The random numbers of the order.</param>
    /// <exception cref="InputException">There is no example, or the batch has no size.</exception>
    public BatchStream(IReadOnlyList<TokenSequence> data, int batchSize, RandomStream order)
    {
        if (data.Count == 0)
            throw new InputException(
                "a stream has no data", "streams", "0 examples", "at least one with a counted label");
        if (batchSize < 1)
            throw new InputException(
                "a batch has no size", "streams, batch_size", $"{batchSize}", "a whole number, at least 1");
        (_data, _batchSize, _order) = (data, batchSize, order);
        _index = new int[data.Count];
        _next = data.Count;
    }

    /// <summary>The examples, in their own order.</summary>
    public IReadOnlyList<TokenSequence> Data => _data;

    /// <summary>The first batch, wherever the stream is.</summary>
    public PackedBatch First() => new BatchStream(_data, _batchSize, _order).Next();

    /// <summary>How many batches were taken so far, or passed over.</summary>
    internal long Number => _round == 0 ? 0 : ((_round - 1) * Batches(_index.Length)) + Batches(_next);

    /// <summary>The next batch.</summary>
    public PackedBatch Next()
    {
        int first = Advance();
        return PackedBatch.Pack([.. _index[first.._next].Select(i => _data[i])]);
    }

    /// <summary>Passes over batches, so that a number of them are behind.</summary>
    /// <exception cref="InvalidOperationException">More than those are behind already.</exception>
    internal void SkipTo(long number)
    {
        if (Number > number)
            throw new InvalidOperationException(
                $"Batch {number} of the stream was asked for after {Number} were taken.");
        while (Number < number)
            Advance();
    }

    /// <summary>Where the stream is: the round, and how many examples of it were taken.</summary>
    /// <exception cref="InputException">The stream had other examples when it was kept.</exception>
    internal void Exchange<T>(KeptState<T> state) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        int round = state.Part("round", _round), next = state.Part("next", _next);
        if (!state.IsRead)
            return;
        if (round < 0 || next < 0 || next > _index.Length)
            throw new InputException(
                "a stream was not kept at this place", "streams", $"round {round}, example {next}",
                $"at most {_index.Length}");
        if (round > 0)
            Begin(round);
        (_round, _next) = (round, next);
    }

    private long Batches(int examples) => (examples + (long)_batchSize - 1) / _batchSize;

    private int Advance()
    {
        if (_next >= _index.Length)
            Begin(_round + 1);
        int first = _next;
        _next = (int)Math.Min(_index.Length, _next + (long)_batchSize);
        return first;
    }

    private void Begin(int round)
    {
        for (int i = 0; i < _index.Length; i++)
            _index[i] = i;
        _order.At(round).Shuffle<int>(_index);
        (_round, _next) = (round, 0);
    }
}
