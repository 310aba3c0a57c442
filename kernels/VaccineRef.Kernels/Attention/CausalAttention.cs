using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y_i = sum over j of softmax_j(scale q_i k_j) v_j, for every head, over the keys j that query i sees: those of its
/// own sequence with i - window &lt; j &lt;= i.
/// X: q (N, heads * headSize), k and v (N, keyValueHeads * headSize); query head h reads key-value head h / (heads /
/// keyValueHeads). Ids: the offsets at which the sequences begin, ascending from 0 to N; a sequence may be empty. Y: as
/// q. Saved: the log-sum-exp of the scores, (N, heads). The scores are never formed as a whole: a block of queries
/// meets one block of keys after the other (<see cref="QueryBlock{T}"/>).
/// Error of y against double: below (2 A + T + 16) eps max|v|, where A = (headSize + 4) scale max_ij sum_d |q_id k_jd|
/// and T is the length of the sequence. A NaN in row j reaches the rows of its sequence from the first row of j's block
/// on.
/// Source: Dao, "FlashAttention-2", arXiv 2307.08691, algorithms 1 and 2; Ainslie et al., arXiv 2305.13245, for query
/// heads that share keys and values.
/// </summary>
public sealed partial class CausalAttention<T> : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>
    /// Makes the op for <paramref name="heads"/> query heads over <paramref name="keyValueHeads"/> key-value heads.
    /// </summary>
    /// <param name="heads">Number of query heads, a multiple of <paramref name="keyValueHeads"/>.</param>
    /// <param name="keyValueHeads">Number of heads of k and v.</param>
    /// <param name="headSize">Number of columns of a head.</param>
    /// <param name="scale">The factor of the scores; 1 / sqrt(headSize) if null.</param>
    /// <param name="window">How many keys a query sees, its own included; all of them if null.</param>
    /// <exception cref="InputException">A size is below 1, or the heads cannot be shared out evenly.</exception>
    public CausalAttention(int heads, int keyValueHeads, int headSize, double? scale = null, int? window = null)
    {
        if (heads < 1 || keyValueHeads < 1 || headSize < 1 || window < 1 || heads % keyValueHeads != 0)
            throw new InputException(
                "attention cannot have these sizes", Name,
                $"{heads} heads of {headSize}, {keyValueHeads} key-value heads, window {window?.ToString() ?? "none"}",
                "all at least 1, and the heads a multiple of the key-value heads");
        (Heads, KeyValueHeads, HeadSize, Window) = (heads, keyValueHeads, headSize, window);
        Scale = scale ?? 1 / Math.Sqrt(headSize);
    }

    /// <inheritdoc/>
    public override string Name => "CausalAttention";

    /// <inheritdoc/>
    public override bool ReadsOutput => true;

    /// <summary>Number of query heads.</summary>
    public int Heads { get; }

    /// <summary>Number of heads of k and v.</summary>
    public int KeyValueHeads { get; }

    /// <summary>Number of columns of a head.</summary>
    public int HeadSize { get; }

    /// <summary>The factor of the scores.</summary>
    public double Scale { get; }

    /// <summary>How many keys a query sees, its own included; null for all of them.</summary>
    public int? Window { get; }

    /// <inheritdoc/>
    public override bool Overwrites(int input) => true;

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) =>
        x is [var q, var k, var v] && q.Columns == Heads * HeadSize
        && k == v && k == new Shape(q.Rows, KeyValueHeads * HeadSize)
            ? q
            : throw new ShapeException(Name, x, $"q (N, {Heads * HeadSize}), k and v (N, {KeyValueHeads * HeadSize})");

    /// <inheritdoc/>
    public override Shape Saved(ReadOnlySpan<Shape> x) => new(x[0].Rows, Heads);

    /// <inheritdoc/>
    public override void Check(ReadOnlySpan<Shape> x, ReadOnlySpan<int> ids)
    {
        bool ascending = ids is [0, ..] && ids[^1] == x[0].Rows;
        for (int s = 1; s < ids.Length; s++)
            ascending &= ids[s - 1] <= ids[s];
        if (!ascending)
            throw new ShapeException(
                Name, $"{ids.Length} sequence offsets{(ids.IsEmpty ? "" : $" from {ids[0]} to {ids[^1]}")}",
                $"offsets that ascend from 0 to the number of rows, {x[0].Rows}");
    }

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f) =>
        Attend(f.Workers, f.X(0), f.X(1), f.X(2), f.Y, f.Saved, f.Ids, f.Ids);

    /// <inheritdoc/>
    public override unsafe void Backward(CpuFrame<T> f)
    {
        View<T> q = f.X(0), k = f.X(1), v = f.X(2), y = f.Y, saved = f.Saved;
        View<T> dq = f.Dx(0), dk = f.Dx(1), dv = f.Dx(2), dy = f.Dy;
        var (offsets, workers, group) = (f.Ids, f.Workers, Heads / KeyValueHeads);
        bool addsToQueries = f.Adds(0);
        View<T> freshKeys = f.Adds(1) ? default : dk, freshValues = f.Adds(2) ? default : dv;
        // Every gradient belongs to one task, which adds to it in a fixed order.
        workers.For((offsets.Length - 1) * KeyValueHeads, index =>
        {
            var (sequence, shared) = Math.DivRem(index, KeyValueHeads);
            int start = offsets.Span[sequence], end = offsets.Span[sequence + 1];
            using var scratch = workers.Rent(QueryBlock<T>.ScratchBytes(HeadSize));
            var key = new KeyRows<T>(
                At(k, start, shared), At(v, start, shared), At(dk, start, shared), At(dv, start, shared), k.Columns);
            Clear(freshKeys, start, end, shared);
            Clear(freshValues, start, end, shared);
            for (int head = shared * group; head < (shared + 1) * group; head++)
                for (int row = start; row < end; row += QueryBlock<T>.Queries)
                {
                    var query = new QueryRows<T>(
                        At(q, row, head), At(y, row, head), At(dy, row, head), At(dq, row, head),
                        Statistic(saved, row, head), q.Columns, Heads);
                    int count = Math.Min(QueryBlock<T>.Queries, end - row);
                    new QueryBlock<T>(scratch.Start, this, row - start, count).Backward(query, key, addsToQueries);
                }
        });
    }

    /// <summary>
    /// Computes the forward pass for keys and values that may lie in other memory than the queries and may go further
    /// back. Position 0 of sequence s lies at row starts[s] of <paramref name="k"/> and <paramref name="v"/>, and its
    /// first query is at position past[s], or at position 0 if <paramref name="past"/> is empty.
    /// </summary>
    internal unsafe void Attend(
        Workers workers, View<T> q, View<T> k, View<T> v, View<T> y, View<T> saved,
        ReadOnlyMemory<int> offsets, ReadOnlyMemory<int> starts, ReadOnlyMemory<int> past = default)
    {
        int slots = (q.Rows / QueryBlock<T>.Queries) + offsets.Length - 1;
        workers.For(slots * Heads, index =>
        {
            var (sequence, head, skip) = Find(index, offsets.Span);
            int shared = head / (Heads / KeyValueHeads), row = offsets.Span[sequence] + skip;
            int count = Math.Min(QueryBlock<T>.Queries, offsets.Span[sequence + 1] - row);
            if (count <= 0)
                return;
            int first = skip + (past.IsEmpty ? 0 : past.Span[sequence]), start = starts.Span[sequence];
            using var scratch = workers.Rent(QueryBlock<T>.ScratchBytes(HeadSize));
            new QueryBlock<T>(scratch.Start, this, first, count).Forward(
                new(At(q, row, head), At(y, row, head), null, null, Statistic(saved, row, head), q.Columns, Heads),
                new(At(k, start, shared), At(v, start, shared), null, null, k.Columns));
        });
    }

    /// <summary>
    /// Finds the sequence and the head of a task, and how many rows of the sequence come before the task's block.
    /// Sequence s has the slots from offsets[s] / Queries + s on, for each head. That gives every sequence at least as
    /// many slots as it has blocks, without a table. The blocks of a head follow each other, so that its keys stay in a
    /// cache, and the last block, which takes longest, comes first.
    /// </summary>
    private (int Sequence, int Head, int Skip) Find(int task, ReadOnlySpan<int> offsets)
    {
        int low = 0, high = offsets.Length - 1;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            (low, high) = FirstSlot(middle, offsets) <= task / Heads ? (middle, high) : (low, middle);
        }

        int first = FirstSlot(low, offsets), slots = FirstSlot(low + 1, offsets) - first;
        var (head, slot) = Math.DivRem(task - (first * Heads), slots);
        return (low, head, (slots - 1 - slot) * QueryBlock<T>.Queries);
    }

    private static int FirstSlot(int sequence, ReadOnlySpan<int> offsets) =>
        (offsets[sequence] / QueryBlock<T>.Queries) + sequence;

    private unsafe void Clear(View<T> x, int first, int end, int head)
    {
        for (int row = first; row < end && !x.IsEmpty; row++)
            new Span<T>(At(x, row, head), HeadSize).Clear();
    }

    private unsafe T* At(View<T> x, int row, int head) =>
        x.IsEmpty ? null : x.Address + ((long)row * x.Columns) + ((long)head * HeadSize);

    private static unsafe T* Statistic(View<T> saved, int row, int head) =>
        saved.IsEmpty ? null : saved.Address + ((long)row * saved.Columns) + head;
}
