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
/// and its loss in one, a block of the vocabulary against a chunk of rows at a time, so that (N, V) never exists. X: hidden (N, C), W (V, C). Ids:
/// targets (N), already shifted. Y: the mean over counted rows (1, 1), accumulated in double by a fixed tree, or one
/// loss a row (N, 1), 0 where not counted. Saved: log-sum-exp (N, 1).
/// Backward, with z recomputed: dz_ij = (p_ij - [j = t]) dy_i, dhidden = dz W, dW = dz' hidden; rows not counted get
/// exactly 0. Without counted rows the loss is 0 and every gradient 0. Error of a loss against double: below (2 A + V +
/// 16) eps with A = (C + 4) max_ij sum_c |hidden_ic W_jc|. A NaN in a counted row reaches that row's loss and the mean;
/// elsewhere it is not read.
/// <para>
/// Eager: forward also forms dloss_i / dhidden_i = sum over j != t of p_ij (W_j - W_t), as attention forms its output,
/// and saves it beside log-sum-exp, (N, 1 + C); the same losses, bit for bit. Backward scales it, and computes z again
/// for dW alone.
/// </para>
/// Source: torch.nn.functional.cross_entropy with ignore_index -100; Hugging Face loss_utils.py, ForCausalLMLoss. For
/// the order of the sums: Milakov and Gimelshein, arXiv 1805.02867.
/// </summary>
/// <param name="reduction">Mean, or a loss for each row.</param>
/// <param name="eager">Whether a reverse pass is sure to come: one product less where W takes no gradient, and one too
/// many where nothing follows.</param>
public sealed partial class CrossEntropy<T>(Reduction reduction = Reduction.Mean, bool eager = false) : Op<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The target that is not counted.</summary>
    public const int Ignored = -100;

    private const int MostRows = 1024, MostWords = 1536, RowsPerTask = 4, TermsPerBlock = 256;

    /// <inheritdoc/>
    public override string Name => "CrossEntropy";

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) =>
        x is not [var hidden, var weight] || hidden.Columns != weight.Columns || weight.Rows == 0
            ? throw new ShapeException(Name, x, "hidden (N, C) and the head's weight (V, C)")
            : reduction == Reduction.Mean ? Shape.Scalar : new Shape(hidden.Rows, 1);

    /// <inheritdoc/>
    public override Shape Saved(ReadOnlySpan<Shape> x) => new(x[0].Rows, eager ? 1 + x[0].Columns : 1);

    /// <inheritdoc/>
    public override bool Reads(int input, int gradient) => !eager || gradient == 1;

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
        var chunk = new Chunk(f, hasProduct: eager);
        var losses = f.Scratch<double>(new(chunk.Counted, 1));
        var sums = f.Scratch(new(chunk.MostRows, 3));       // per row: maximum, sum above it but for the target's term, the target's logit
        saved.Span.Clear();
        for (int first = 0; first < chunk.Counted; first += chunk.MostRows)
        {
            var rows = chunk.Gather(f, first);
            for (int word = 0; word < chunk.Vocabulary; word += MostWords)
            {
                int begin = word;
                var logits = chunk.Multiply(f, rows.Rows, begin);
                ForRows(f, rows, (i, row) =>
                {
                    T factor = Absorb(logits.Row(i), targets.Span[row] - begin, sums.Row(i), begin == 0);
                    if (eager && begin > 0)
                        TensorPrimitives.Multiply(chunk.Product.Row(i), factor, chunk.Product.Row(i));
                });
                if (eager)
                    chunk.MultiplyBack(f, logits, begin);
            }

            for (int i = 0; i < rows.Rows; i++)
            {
                int row = rows.Span[i];
                var (max, others, target) = (sums.Row(i)[0], sums.Row(i)[1], sums.Row(i)[2]);
                double sum = double.CreateChecked(others) + Math.Exp(double.CreateChecked(target - max)), log = Math.Log(sum);
                saved.Row(row)[0] = max + T.CreateChecked(log);
                losses.Span[first + i] = log - double.CreateChecked(target - max);
                if (!eager)
                    continue;
                var slope = saved.Row(row)[1..];            // (product - others W_t) / sum
                TensorPrimitives.MultiplyAdd(f.X(1).Row(targets.Span[row]), -others, chunk.Product.Row(i), slope);
                TensorPrimitives.Multiply(slope, T.CreateChecked(1 / sum), slope);
            }
        }

        Reduce(f, chunk, losses);
    }

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        bool recomputed = f.Wants(0) && !eager;
        var scale = Scale(f);
        if (f.Wants(0) && eager)
            AddSaved(f, scale);
        if (!recomputed && !f.Wants(1))
            return;
        var (targets, saved) = (f.Ids, f.Saved);
        var chunk = new Chunk(f, hasProduct: recomputed);
        for (int first = 0; first < chunk.Counted; first += chunk.MostRows)
        {
            var rows = chunk.Gather(f, first);
            for (int word = 0; word < chunk.Vocabulary; word += MostWords)
            {
                int begin = word;
                var logits = chunk.Multiply(f, rows.Rows, begin);
                ForRows(f, rows, (i, row) =>
                {
                    var z = logits.Row(i);
                    VectorMath.ScaledExp(z, saved.Row(row)[0], scale(row));
                    if ((uint)(targets.Span[row] - begin) < (uint)z.Length)
                        z[targets.Span[row] - begin] -= scale(row);
                });
                if (recomputed)
                    chunk.MultiplyBack(f, logits, begin);
                if (f.Wants(1))
                    BackwardWeight(f, chunk.Hidden, logits, begin);
            }

            if (recomputed)
                chunk.AddBack(f, rows);
        }
    }

    /// <summary>
    /// Takes a block of a row's logits z into its maximum, the sum above it without the target's term, and its target's
    /// logit; z becomes e^(z - maximum), 0 for the target, which thus keeps its digits where it is nearly sure.
    /// </summary>
    /// <returns>What sums above the maximum before are to be multiplied by.</returns>
    private static T Absorb(Span<T> z, int target, Span<T> sums, bool first)
    {
        // Finite: what no block exceeds lies above it, and exp(before - max) is no NaN.
        T before = first ? T.BitIncrement(T.NegativeInfinity) : sums[0], max = T.Max(before, TensorPrimitives.Max<T>(z));
        if ((uint)target < (uint)z.Length)
            (sums[2], z[target]) = (z[target], T.NegativeInfinity);
        T factor = first ? T.Zero : T.Exp(before - max), earlier = first ? T.Zero : sums[1] * factor;
        (sums[0], sums[1]) = (max, earlier + VectorMath.TakeExp(z, max));
        return factor;
    }

    /// <summary>dloss / dloss_i, row by row.</summary>
    private Func<int, T> Scale(CpuFrame<T> f)
    {
        var dy = f.Dy;
        if (reduction == Reduction.None)
            return row => dy.Span[row];
        T share = dy.Span[0] / T.CreateChecked(Math.Max(1, Counted(f.Ids.Span)));
        return _ => share;
    }

    /// <summary>dhidden_i += dy_i dloss_i / dhidden_i, as forward saved it.</summary>
    private static void AddSaved(CpuFrame<T> f, Func<int, T> scale)
    {
        var (targets, saved) = (f.Ids, f.Saved);
        f.Workers.Blocks(saved.Rows, RowsPerTask, (first, end) =>
        {
            for (int row = first; row < end; row++)
                if (targets.Span[row] != Ignored)
                    TensorPrimitives.MultiplyAdd(saved.Row(row)[1..], scale(row), f.Dx(0).Row(row), f.Dx(0).Row(row));
        });
    }

    private static int Counted(ReadOnlySpan<int> targets) => targets.Length - targets.Count(Ignored);

    /// <summary>body(i, rows[i]) for every row of the chunk.</summary>
    private static void ForRows(CpuFrame<T> f, View<int> rows, Action<int, int> body) =>
        f.Workers.Blocks(rows.Rows, RowsPerTask, (first, end) =>
        {
            for (int i = first; i < end; i++)
                body(i, rows.Span[i]);
        });

    /// <summary>Writes the losses, or their mean, into y.</summary>
    private void Reduce(CpuFrame<T> f, Chunk chunk, View<double> losses)
    {
        var y = f.Y;
        if (reduction == Reduction.Mean)
        {
            double sum = f.Workers.Sum(
                chunk.Counted, TermsPerBlock, (first, end) => TensorPrimitives.Sum<double>(losses.Span[first..end]));
            y.Span[0] = T.CreateChecked(sum / Math.Max(1, chunk.Counted));
            return;
        }

        y.Span.Clear();
        for (int i = 0; i < chunk.Counted; i++)
            y.Span[chunk.Row(i)] = T.CreateChecked(losses.Span[i]);
    }

    /// <summary>dW += dz' hidden, in the rows of the block that begins at word <paramref name="begin"/>.</summary>
    private static void BackwardWeight(CpuFrame<T> f, View<T> hidden, View<T> dz, int begin)
    {
        var dw = f.Dx(1).SliceRows(begin, dz.Columns);
        Matmul.Multiply(f.Workers, T.One, dz.Transposed(), hidden.SliceRows(0, dz.Rows), dw, accumulate: true);
    }
}
