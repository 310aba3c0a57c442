using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// Room for one chunk of the rows that <see cref="CrossEntropy{T}"/> counts, and for its logits over one block of the
/// vocabulary. Chunks are as long as possible, because every block of the head's weight is packed once for each chunk.
/// </summary>
internal readonly struct CrossEntropyChunk<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Number of vocabulary entries in a full block.</summary>
    public const int MostEntries = 1536;

    private const int LongestChunk = 1024;

    private readonly View<int> _counted;        // (N, 1), the first Counted in use
    private readonly View<T> _logits;           // (MostRows, MostEntries)

    /// <summary>Finds the counted rows of a call and sets room for a chunk of them aside.</summary>
    /// <param name="f">The call of the op.</param>
    /// <param name="hasProduct">Whether there is room for <see cref="Product"/>.</param>
    public CrossEntropyChunk(CpuFrame<T> f, bool hasProduct)
    {
        var targets = f.Ids.Span;
        int columns = f.X(1).Columns;
        Vocabulary = f.X(1).Rows;
        _counted = f.Scratch<int>(new(targets.Length, 1));
        for (int row = 0; row < targets.Length; row++)
            if (targets[row] != CrossEntropy<T>.Ignored)
                _counted.Span[Counted++] = row;
        MostRows = Math.Min(LongestChunk, Counted);
        Hidden = f.Scratch(new(MostRows, columns));
        _logits = f.Scratch(new(MostRows, Math.Min(MostEntries, Vocabulary)));
        Product = f.Scratch(hasProduct ? new(MostRows, columns) : Shape.Empty);
    }

    /// <summary>How many bytes of scratch the chunk takes, and what forward takes besides, at most.</summary>
    public static long Bytes(Operands<T> x)
    {
        int counted = x.Ids.Span.Length - x.Ids.Span.Count(CrossEntropy<T>.Ignored), size = Unsafe.SizeOf<T>();
        long row = (2L * x.X(1).Columns) + Math.Min(MostEntries, x.X(1).Rows) + 3;      // hidden, product, logits, sums
        return ((long)x.Ids.Length * sizeof(int)) + (Math.Min(LongestChunk, counted) * row * size)
            + ((long)counted * sizeof(double));
    }

    /// <summary>Number of counted rows.</summary>
    public int Counted { get; }

    /// <summary>Number of rows of a full chunk.</summary>
    public int MostRows { get; }

    /// <summary>Number of vocabulary entries, V.</summary>
    public int Vocabulary { get; }

    /// <summary>The chunk's rows of hidden, (MostRows, C).</summary>
    public View<T> Hidden { get; }

    /// <summary>What <see cref="MultiplyBack"/> forms, (MostRows, C).</summary>
    public View<T> Product { get; }

    /// <summary>The row of hidden that is the counted row number <paramref name="i"/>.</summary>
    public int Row(int i) => _counted.Span[i];

    /// <summary>Copies the rows of the chunk that begins at counted row <paramref name="first"/> to Hidden.</summary>
    /// <returns>Which rows they are, (rows, 1).</returns>
    public View<int> Gather(CpuFrame<T> f, int first)
    {
        var rows = _counted.SliceRows(first, Math.Min(MostRows, Counted - first));
        for (int i = 0; i < rows.Rows; i++)
            f.X(0).Row(rows.Span[i]).CopyTo(Hidden.Row(i));
        return rows;
    }

    /// <summary>
    /// The logits of the chunk's <paramref name="rows"/> over the block of the vocabulary that begins at
    /// <paramref name="entry"/>.
    /// </summary>
    public View<T> Multiply(CpuFrame<T> f, int rows, int entry)
    {
        var w = f.X(1).SliceRows(entry, Math.Min(MostEntries, Vocabulary - entry));
        var logits = _logits.As(new(rows, w.Rows));
        Matmul.Multiply(f.Workers, T.One, Hidden.SliceRows(0, rows), w.Transposed(), logits, accumulate: false);
        return logits;
    }

    /// <summary>
    /// Product += z W over one block of the vocabulary, where z is what the logits have become; the first block
    /// replaces what was there.
    /// </summary>
    public void MultiplyBack(CpuFrame<T> f, View<T> z, int entry)
    {
        var w = f.X(1).SliceRows(entry, z.Columns);
        Matmul.Multiply(f.Workers, T.One, z, w, Product.SliceRows(0, z.Rows), accumulate: entry > 0);
    }

    /// <summary>dhidden += Product, in the rows of the chunk.</summary>
    public void AddBack(CpuFrame<T> f, View<int> rows)
    {
        for (int i = 0; i < rows.Rows; i++)
        {
            var dx = f.Dx(0).Row(rows.Span[i]);
            TensorPrimitives.Add(dx, Product.Row(i), dx);
        }
    }
}
