using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// Measures how much each head attends to the first token of its text, the attention sink, without forming the
/// attention weights.
/// <code>
/// s_lh = mean over the texts of the mean over the queries i &gt;= 1 of a_lh(i, 0)
/// </code>
/// a(i, 0) is what the head computes from values that are 1 in the first row and 0 in all others: one more attention in
/// each block. Gradients flow to queries and keys. Texts of one token have no such query and are left out.
/// </summary>
/// <param name="batch">The texts.</param>
public sealed class AttentionSinks<T>(PackedBatch batch) : ITap<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Linear<T> Product = new(WeightLayout.InOut);

    private readonly List<Tensor<T>> _sinks = [];

    /// <summary>
    /// s of each block, (1, heads * head size): that of head h in column h * head size, and 0 in all other columns.
    /// </summary>
    public IReadOnlyList<Tensor<T>> Sinks => _sinks;

    /// <summary>Number of columns of a head.</summary>
    public int HeadSize { get; private set; }

    /// <inheritdoc/>
    public bool WatchesAttention => true;

    /// <inheritdoc/>
    public bool ListensTo(SiteKind kind) => false;

    /// <inheritdoc/>
    public Tensor<T> At(Site site, Tensor<T> hidden, Pass<T> pass) => hidden;

    /// <inheritdoc/>
    /// <exception cref="InputException">No text has two tokens.</exception>
    public void Attended(
        int layer, Op<T> attention, Tensor<T> queries, Tensor<T> keys, ReadOnlyMemory<int> offsets, Pass<T> pass)
    {
        var tape = pass.Tape;
        HeadSize = ((CausalAttention<T>)attention).HeadSize;
        var weights = tape.Apply(attention, [queries, keys, First(tape, keys.Shape.Columns)], offsets);
        var sinks = tape.Apply(Product, [Means(tape), weights]);
        tape.KeepFrom(sinks);
        _sinks.Add(sinks);
    }

    /// <summary>Values that are 1 in the first column of each head, in the first row of each text.</summary>
    private Tensor<T> First(Tape<T> tape, int columns)
    {
        T[] row = [.. Enumerable.Range(0, columns).Select(column => column % HeadSize == 0 ? T.One : T.Zero)];
        var values = tape.Zeros(new(batch.Rows, columns));
        foreach (int first in Texts().Select(text => text.First))
            tape.Device.Upload<T>(row, values.Value.SliceRows(first, 1));
        return values;
    }

    /// <summary>The share of each row in the mean.</summary>
    private Tensor<T> Means(Tape<T> tape)
    {
        var texts = Texts().Where(text => text.Length > 1).ToArray();
        if (texts.Length == 0)
            throw new InputException(
                "a text has no token behind its first", string.Join(", ", batch.Ids), "texts of one token",
                "one of two tokens at least");
        var shares = new T[batch.Rows];
        foreach (var (first, length) in texts)
            shares.AsSpan(first + 1, length - 1).Fill(T.CreateChecked(1.0 / texts.Length / (length - 1)));
        var means = tape.Zeros(Shape.Vector(batch.Rows));
        tape.Device.Upload<T>(shares, means.Value);
        return means;
    }

    private IEnumerable<(int First, int Length)> Texts() =>
        Enumerable.Range(0, batch.Sequences).Select(i => (batch.Offsets[i], batch.Offsets[i + 1] - batch.Offsets[i]))
            .Where(text => text.Item2 > 0);
}
