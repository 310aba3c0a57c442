using System.Numerics;
using System.Numerics.Tensors;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>How token losses become one output.</summary>
public enum Reduction
{
    /// <summary>Their mean over the counted rows, (1, 1).</summary>
    Mean,

    /// <summary>One loss for each row, (N, 1).</summary>
    None,
}

/// <summary>
/// loss_i = log sum_j exp(z_ij) - z_it with z = hidden W' and t = ids[i], where t is not -100: the language-model head
/// and its loss in one, a chunk of rows at a time, so that (N, V) never exists. X: hidden (N, C), W (V, C). Ids:
/// targets (N), already shifted. Y: the mean over counted rows (1, 1), accumulated in double by a fixed tree, or one
/// loss a row (N, 1), 0 where not counted. Saved: log-sum-exp (N, 1).
/// Backward, with z recomputed: dz_ij = (p_ij - [j = t]) dy_i, dhidden = dz W, dW = dz' hidden; rows not counted get
/// exactly 0. Without counted rows the loss is 0 and every gradient 0. Error of a loss against double: below (2 A + V +
/// 16) eps with A = (C + 4) max_ij sum_c |hidden_ic W_jc|. A NaN in a counted row reaches that row's loss and the mean;
/// elsewhere it is not read.
/// Source: torch.nn.functional.cross_entropy with ignore_index -100; Hugging Face loss_utils.py, ForCausalLMLoss.
/// </summary>
/// <param name="reduction">Mean, or a loss for each row.</param>
public sealed partial class CrossEntropy<T>(Reduction reduction = Reduction.Mean) : Op<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The target that is not counted.</summary>
    public const int Ignored = -100;

    private const int ChunkElements = 1 << 22, FewestRows = 16, MostRows = 256, RowsPerBlock = 4, TermsPerBlock = 256;

    /// <inheritdoc/>
    public override string Name => "CrossEntropy";

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) =>
        x is not [var hidden, var weight] || hidden.Columns != weight.Columns || weight.Rows == 0
            ? throw new ShapeException(Name, x, "hidden (N, C) and the head's weight (V, C)")
            : reduction == Reduction.Mean ? Shape.Scalar : new Shape(hidden.Rows, 1);

    /// <inheritdoc/>
    public override Shape Saved(ReadOnlySpan<Shape> x) => new(x[0].Rows, 1);

    /// <inheritdoc/>
    public override void Check(ReadOnlySpan<Shape> x, ReadOnlySpan<int> ids)
    {
        if (ids.Length != x[0].Rows)
            throw new ShapeException(Name, $"{ids.Length} targets", $"one for each of the {x[0].Rows} rows");
        for (int row = 0; row < ids.Length; row++)
            if (ids[row] != Ignored && (uint)ids[row] >= (uint)x[1].Rows)
                throw new ShapeException(
                    Name, $"target {ids[row]} at row {row}", $"{Ignored}, or at least 0 and below V = {x[1].Rows}");
    }

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        var (targets, saved) = (f.Ids, f.Saved);
        var chunks = new Chunks(f);
        var losses = f.Scratch<double>(new(chunks.Counted, 1));
        saved.Span.Clear();
        for (int first = 0; first < chunks.Counted; first += chunks.Rows)
        {
            var (rows, logits) = (chunks.Load(f, first), chunks.Logits);
            int start = first;
            f.Workers.Blocks(rows.Rows, RowsPerBlock, (begin, end) =>
            {
                for (int i = begin; i < end; i++)
                {
                    int row = rows.Span[i];
                    var z = logits.Row(i);
                    T max = TensorPrimitives.Max<T>(z);
                    double target = double.CreateChecked(z[targets.Span[row]] - max);
                    TensorPrimitives.Subtract(z, max, z);
                    TensorPrimitives.Exp<T>(z, z);
                    double log = Math.Log(double.CreateChecked(TensorPrimitives.Sum<T>(z)));
                    saved.Span[row] = max + T.CreateChecked(log);
                    losses.Span[start + i] = log - target;
                }
            });
        }

        Reduce(f, chunks, losses);
    }

    /// <inheritdoc/>
    public override unsafe void Backward(CpuFrame<T> f)
    {
        var (targets, saved, dy) = (f.Ids, f.Saved, f.Dy);
        var chunks = new Chunks(f);
        for (int first = 0; first < chunks.Counted; first += chunks.Rows)
        {
            var (rows, logits) = (chunks.Load(f, first), chunks.Logits);
            f.Workers.Blocks(rows.Rows, RowsPerBlock, (begin, end) =>
            {
                for (int i = begin; i < end; i++)
                {
                    int row = rows.Span[i];
                    var z = logits.Row(i);
                    T scale = reduction == Reduction.Mean ? dy.Span[0] / T.CreateChecked(chunks.Counted) : dy.Span[row];
                    TensorPrimitives.Subtract(z, saved.Span[row], z);
                    TensorPrimitives.Exp<T>(z, z);
                    z[targets.Span[row]] -= T.One;
                    TensorPrimitives.Multiply(z, scale, z);
                }
            });
            if (f.Wants(0))
                BackwardHidden(f, chunks, rows);
            if (f.Wants(1))
                BackwardWeight(f, chunks, rows.Rows);
        }
    }

    /// <summary>Writes the losses, or their mean, into y.</summary>
    private void Reduce(CpuFrame<T> f, Chunks chunks, View<double> losses)
    {
        var y = f.Y;
        if (reduction == Reduction.Mean)
        {
            double sum = f.Workers.Sum(
                chunks.Counted, TermsPerBlock, (first, end) => TensorPrimitives.Sum<double>(losses.Span[first..end]));
            y.Span[0] = T.CreateChecked(sum / Math.Max(1, chunks.Counted));
            return;
        }

        y.Span.Clear();
        for (int i = 0; i < chunks.Counted; i++)
            y.Span[chunks.Row(i)] = T.CreateChecked(losses.Span[i]);
    }

    /// <summary>dhidden += dz W, on the chunk's own rows.</summary>
    private static unsafe void BackwardHidden(CpuFrame<T> f, Chunks chunks, View<int> rows)
    {
        View<T> dz = chunks.Logits, w = f.X(1), dx = f.Dx(0), product = chunks.Product;
        Matmul.Multiply(
            f.Workers, rows.Rows, w.Columns, w.Rows, T.One, dz.Address, w.Rows, false, w.Address, w.Columns, false,
            product.Address, w.Columns, accumulate: false);
        for (int i = 0; i < rows.Rows; i++)
            TensorPrimitives.Add(dx.Row(rows.Span[i]), product.Row(i), dx.Row(rows.Span[i]));
    }

    /// <summary>dW += dz' hidden.</summary>
    private static unsafe void BackwardWeight(CpuFrame<T> f, Chunks chunks, int rows)
    {
        View<T> dz = chunks.Logits, hidden = chunks.Hidden, dw = f.Dx(1);
        Matmul.Multiply(
            f.Workers, dw.Rows, dw.Columns, rows, T.One, dz.Address, dw.Rows, true, hidden.Address, dw.Columns, false,
            dw.Address, dw.Columns, accumulate: true);
    }

    /// <summary>
    /// The counted rows, and room for one chunk of them. A chunk's size depends on the vocabulary alone.
    /// </summary>
    private readonly struct Chunks
    {
        private readonly View<int> _counted;        // (N, 1), the first Counted in use

        public Chunks(CpuFrame<T> f)
        {
            var targets = f.Ids.Span;
            int vocabulary = f.X(1).Rows, columns = f.X(0).Columns;
            _counted = f.Scratch<int>(new(targets.Length, 1));
            for (int row = 0; row < targets.Length; row++)
                if (targets[row] != Ignored)
                    _counted.Span[Counted++] = row;
            Rows = Math.Min(Math.Clamp(ChunkElements / vocabulary, FewestRows, MostRows), Counted);
            Hidden = f.Scratch(new(Rows, columns));
            Logits = f.Scratch(new(Rows, vocabulary));
            Product = f.Scratch(f.Wants(0) ? new(Rows, columns) : Shape.Empty);
        }

        /// <summary>Number of counted rows.</summary>
        public int Counted { get; }

        /// <summary>Rows of a full chunk.</summary>
        public int Rows { get; }

        /// <summary>The chunk's rows of hidden, (Rows, C).</summary>
        public View<T> Hidden { get; }

        /// <summary>The chunk's logits, then what becomes of them, (Rows, V).</summary>
        public View<T> Logits { get; }

        /// <summary>Room for dz W, (Rows, C).</summary>
        public View<T> Product { get; }

        /// <summary>The row of the counted row <paramref name="i"/>.</summary>
        public int Row(int i) => _counted.Span[i];

        /// <summary>
        /// Gathers the chunk that begins at counted row <paramref name="first"/>, forms its logits, and says which rows
        /// it holds.
        /// </summary>
        public unsafe View<int> Load(CpuFrame<T> f, int first)
        {
            View<T> hidden = f.X(0), w = f.X(1);
            var rows = _counted.SliceRows(first, Math.Min(Rows, Counted - first));
            for (int i = 0; i < rows.Rows; i++)
                hidden.Row(rows.Span[i]).CopyTo(Hidden.Row(i));
            Matmul.Multiply(
                f.Workers, rows.Rows, w.Rows, w.Columns, T.One, Hidden.Address, w.Columns, false,
                w.Address, w.Columns, true, Logits.Address, w.Rows, accumulate: false);
            return rows;
        }
    }
}
