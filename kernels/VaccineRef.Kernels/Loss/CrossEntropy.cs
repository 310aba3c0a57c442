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
/// loss_i = log sum_j exp(z_ij) - z_it, where z = hidden W' and t = ids[i]; rows whose target is -100 are not counted.
/// This is the head of a language model and its loss in one op. It works on a chunk of rows and a block of the
/// vocabulary at a time, so the logits (N, V) never exist as a whole.
/// X: hidden (N, C), W (V, C). Ids: N targets, already shifted. Y: the mean over the counted rows (1, 1), summed in
/// double by a fixed tree, or one loss for each row (N, 1), which is 0 where the row is not counted. Saved: the
/// log-sum-exp of each row, (N, 1).
/// Backward computes z again: dz_ij = (p_ij - [j = t]) dy_i with p = softmax(z), dhidden = dz W, dW = dz' hidden. Rows
/// that are not counted get exactly 0. If no row is counted, the loss and every gradient are 0.
/// The error of a loss against double is below (2 A + V + 16) eps, where A = (C + 4) max_ij sum_c |hidden_ic W_jc|. A
/// NaN in a counted row reaches the loss of that row and the mean; a row that is not counted is never read.
/// <para>
/// With a fused gradient, forward also forms dloss_i / dhidden_i = sum over j != t of p_ij (W_j - W_t), by the same
/// running sums with which attention forms its output, and saves it beside the log-sum-exp, (N, 1 + C). The losses are
/// the same bit for bit. Backward then only scales what was saved, and computes z again for dW alone.
/// </para>
/// Source: torch.nn.functional.cross_entropy with ignore_index -100; Hugging Face loss_utils.py, ForCausalLMLoss. For
/// the order of the sums: Milakov and Gimelshein, arXiv 1805.02867.
/// </summary>
/// <param name="reduction">Whether the output is the mean or a loss for each row.</param>
/// <param name="fusedGradient">
/// Whether forward forms the gradient of hidden too. This saves one product where a reverse pass follows and W takes no
/// gradient, and wastes one where no reverse pass follows.
/// </param>
public sealed partial class CrossEntropy<T>(Reduction reduction = Reduction.Mean, bool fusedGradient = false) : Op<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The target of a row that is not counted.</summary>
    public const int Ignored = -100;

    private const int RowsPerTask = 4, TermsPerBlock = 256;

    /// <inheritdoc/>
    public override string Name => "CrossEntropy";

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) =>
        x is not [var hidden, var weight] || hidden.Columns != weight.Columns || weight.Rows == 0
            ? throw new ShapeException(Name, x, "hidden (N, C) and the head's weight (V, C)")
            : reduction == Reduction.Mean ? Shape.Scalar : new Shape(hidden.Rows, 1);

    /// <inheritdoc/>
    public override Shape Saved(ReadOnlySpan<Shape> x) => new(x[0].Rows, fusedGradient ? 1 + x[0].Columns : 1);

    /// <inheritdoc/>
    public override bool Reads(int input, int gradient) => !fusedGradient || gradient == 1;

    /// <inheritdoc/>
    public override long ScratchBytes(Operands<T> operands) => CrossEntropyChunk<T>.Bytes(operands);

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
        f.Saved.Span.Clear();
        var chunk = new CrossEntropyChunk<T>(f, hasProduct: fusedGradient);
        var losses = f.Scratch<double>(new(chunk.Counted, 1));
        var sums = f.Scratch(new(chunk.MostRows, 3));       // per row: what Absorb keeps
        for (int first = 0; first < chunk.Counted; first += chunk.MostRows)
        {
            var rows = chunk.Gather(f, first);
            for (int entry = 0; entry < chunk.Vocabulary; entry += CrossEntropyChunk<T>.MostEntries)
                AbsorbBlock(f, chunk, rows, sums, entry);
            for (int i = 0; i < rows.Rows; i++)
                losses.Span[first + i] = Finish(f, chunk, i, rows.Span[i], sums.Row(i));
        }

        Reduce(f, chunk, losses);
    }

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        bool recomputed = f.Wants(0) && !fusedGradient;
        var scale = Scale(f);
        if (f.Wants(0) && fusedGradient)
            AddSaved(f, scale);
        if (!recomputed && !f.Wants(1))
            return;
        var chunk = new CrossEntropyChunk<T>(f, hasProduct: recomputed);
        for (int first = 0; first < chunk.Counted; first += chunk.MostRows)
        {
            var rows = chunk.Gather(f, first);
            for (int entry = 0; entry < chunk.Vocabulary; entry += CrossEntropyChunk<T>.MostEntries)
            {
                var dz = LogitGradients(f, chunk, rows, scale, entry);
                if (recomputed)
                    chunk.MultiplyBack(f, dz, entry);
                if (f.Wants(1))
                    AddWeightGradient(f, chunk.Hidden, dz, entry);
            }

            if (recomputed)
                chunk.AddBack(f, rows);
        }
    }

    /// <summary>
    /// Takes the logits of a chunk over the block of the vocabulary that begins at <paramref name="entry"/> into the
    /// sums of its rows, and into the product e^(z - maximum) W where the gradient is fused.
    /// </summary>
    private void AbsorbBlock(CpuFrame<T> f, CrossEntropyChunk<T> chunk, View<int> rows, View<T> sums, int entry)
    {
        var targets = f.Ids;
        var logits = chunk.Multiply(f, rows.Rows, entry);
        ForRows(f, rows, (i, row) =>
        {
            T factor = Absorb(logits.Row(i), targets.Span[row] - entry, sums.Row(i), entry == 0);
            if (fusedGradient && entry > 0)
                TensorPrimitives.Multiply(chunk.Product.Row(i), factor, chunk.Product.Row(i));
        });
        if (fusedGradient)
            chunk.MultiplyBack(f, logits, entry);
    }

    /// <summary>
    /// Takes a block of a row's logits z into three sums: the maximum, the sum of e^(z - maximum) without the target's
    /// term, and the target's logit. z becomes e^(z - maximum), and 0 for the target: kept apart, the target's term
    /// leaves the others their digits where it is nearly sure.
    /// </summary>
    /// <returns>The factor by which sums relative to the previous maximum are to be multiplied.</returns>
    private static T Absorb(Span<T> z, int target, Span<T> sums, bool first)
    {
        // Finite, so that exp(before - max) is never NaN: every logit lies above it.
        T before = first ? T.BitIncrement(T.NegativeInfinity) : sums[0];
        T max = T.Max(before, TensorPrimitives.Max<T>(z));
        if ((uint)target < (uint)z.Length)
            (sums[2], z[target]) = (z[target], T.NegativeInfinity);
        T factor = first ? T.Zero : T.Exp(before - max), earlier = first ? T.Zero : sums[1] * factor;
        (sums[0], sums[1]) = (max, earlier + VectorMath.ExpAndSum(z, max));
        return factor;
    }

    /// <summary>
    /// Saves the log-sum-exp of a row and, where it is fused, its gradient (product - others W_t) / sum.
    /// </summary>
    /// <returns>The loss of the row.</returns>
    private double Finish(CpuFrame<T> f, CrossEntropyChunk<T> chunk, int i, int row, Span<T> sums)
    {
        var (max, others, target) = (sums[0], sums[1], sums[2]);
        double sum = double.CreateChecked(others) + Math.Exp(double.CreateChecked(target - max)), log = Math.Log(sum);
        f.Saved.Row(row)[0] = max + T.CreateChecked(log);
        if (fusedGradient)
        {
            var slope = f.Saved.Row(row)[1..];
            TensorPrimitives.MultiplyAdd(f.X(1).Row(f.Ids.Span[row]), -others, chunk.Product.Row(i), slope);
            TensorPrimitives.Multiply(slope, T.CreateChecked(1 / sum), slope);
        }

        return log - double.CreateChecked(target - max);
    }

    /// <summary>dz of a chunk over the block of the vocabulary that begins at <paramref name="entry"/>.</summary>
    private static View<T> LogitGradients(
        CpuFrame<T> f, CrossEntropyChunk<T> chunk, View<int> rows, Func<int, T> scale, int entry)
    {
        var (targets, saved) = (f.Ids, f.Saved);
        var logits = chunk.Multiply(f, rows.Rows, entry);
        ForRows(f, rows, (i, row) =>
        {
            var z = logits.Row(i);
            VectorMath.ScaledExp(z, saved.Row(row)[0], scale(row));
            if ((uint)(targets.Span[row] - entry) < (uint)z.Length)
                z[targets.Span[row] - entry] -= scale(row);
        });
        return logits;
    }

    /// <summary>The gradient of the output with respect to the loss of a row, times dy.</summary>
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

    /// <summary>Calls body(i, rows[i]) for every row of the chunk.</summary>
    private static void ForRows(CpuFrame<T> f, View<int> rows, Action<int, int> body) =>
        f.Workers.Blocks(rows.Rows, RowsPerTask, (first, end) =>
        {
            for (int i = first; i < end; i++)
                body(i, rows.Span[i]);
        });

    /// <summary>Writes the losses, or their mean, into y.</summary>
    private void Reduce(CpuFrame<T> f, CrossEntropyChunk<T> chunk, View<double> losses)
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

    /// <summary>
    /// dW += dz' hidden, in the rows of the block of the vocabulary that begins at <paramref name="entry"/>.
    /// </summary>
    private static void AddWeightGradient(CpuFrame<T> f, View<T> hidden, View<T> dz, int entry) => Matmul.Multiply(
        f.Workers, T.One, dz.Transposed(), hidden.SliceRows(0, dz.Rows), f.Dx(1).SliceRows(entry, dz.Columns),
        accumulate: true);
}
