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

    /// <summary>Harmful questions that are refused and harmless ones that are answered, for a rule of the fine-tuning.</summary>
    public const string Alignment = "alignment";

    /// <summary>Rows of the user's task.</summary>
    public const string Task = "task";
}

/// <summary>
/// Data beside the batches of a stage: goes through it again and again in batches, in a new random order each time. The order depends
/// on its own random stream alone, so that nobody else's draws change it.
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
            throw new InputException("a stream has no data", "streams", "0 examples", "at least one with a counted label");
        if (batchSize < 1)
            throw new InputException("a batch has no size", "streams, batch_size", $"{batchSize}", "a whole number, at least 1");
        (_data, _batchSize, _order) = (data, batchSize, order);
        _index = new int[data.Count];
        _next = data.Count;
    }

    /// <summary>The first batch, wherever the stream is.</summary>
    public PackedBatch First() => new BatchStream(_data, _batchSize, _order).Next();

    /// <summary>The next batch.</summary>
    public PackedBatch Next()
    {
        if (_next >= _index.Length)
            Begin(_round + 1);
        int first = _next;
        _next = Math.Min(_index.Length, _next + _batchSize);
        return PackedBatch.Pack([.. _index[first.._next].Select(i => _data[i])]);
    }

    /// <summary>Where the stream is: the round, and how many examples of it were taken.</summary>
    /// <exception cref="InputException">The stream had other examples when it was kept.</exception>
    internal void Exchange<T>(KeptState<T> state) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        int round = state.Part("round", _round), next = state.Part("next", _next);
        if (!state.IsRead)
            return;
        if (round < 0 || next < 0 || next > _index.Length)
            throw new InputException("a stream was not kept at this place", "streams", $"round {round}, example {next}", $"at most {_index.Length}");
        if (round > 0)
            Begin(round);
        (_round, _next) = (round, next);
    }

    private void Begin(int round)
    {
        for (int i = 0; i < _index.Length; i++)
            _index[i] = i;
        _order.At(round).Shuffle<int>(_index);
        (_round, _next) = (round, 0);
    }
}
