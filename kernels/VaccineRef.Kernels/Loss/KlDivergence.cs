using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y_n = KL(p || q) = sum over v of p (log p - log q), where p = softmax(r_n) and q = softmax(z_n): how far a student's
/// distribution over the vocabulary is from its teacher's. X: the student's logits z (N, V) and the teacher's logits r
/// (N, V). Y: (N, 1), exactly 0 where z = r. Saved: the log-sum-exp of z and of r, (N, 2). Backward: dz = dy (q - p)
/// and dr = dy p (log p - log q - y).
/// The sums are in double. Error against double: below 4 A (A + 2) eps, where A = 3 + 2 max(|z|, |r|) + 2 log V. NaN
/// stays in its row. Source: torch.nn.functional.kl_div of log_softmax and softmax.
/// </summary>
public sealed partial class KlDivergence<T> : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "KlDivergence";

    /// <inheritdoc/>
    public override bool ReadsOutput => true;

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) =>
        x is [var student, var teacher] && student == teacher && student.Columns > 0
            ? new(student.Rows, 1)
            : throw new ShapeException(Name, x, "logits z (N, V) and r (N, V)");

    /// <inheritdoc/>
    public override Shape Saved(ReadOnlySpan<Shape> x) => new(x[0].Rows, 2);

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        View<T> z = f.X(0), r = f.X(1), y = f.Y, saved = f.Saved;
        f.Workers.Blocks(z.Rows, BlockSizes.Rows, [SkipLocalsInit] (first, end) =>
        {
            Span<T> p = stackalloc T[BlockSizes.Strip], ratio = stackalloc T[BlockSizes.Strip];
            for (int row = first; row < end; row++)
            {
                (T student, T teacher) = (LogSumExp(z.Row(row), p), LogSumExp(r.Row(row), p));
                (saved.Row(row)[0], saved.Row(row)[1]) = (student, teacher);
                double sum = 0;
                for (int start = 0; start < z.Columns; start += BlockSizes.Strip)
                {
                    int count = Math.Min(BlockSizes.Strip, z.Columns - start);
                    LogRatio(
                        z.Row(row).Slice(start, count), r.Row(row).Slice(start, count), student, teacher, p, ratio);
                    TensorPrimitives.Exp<T>(p[..count], p);
                    sum += DoubleSums.Dot<T>(p[..count], ratio[..count]);
                }

                y.Span[row] = T.CreateTruncating(sum);
            }
        });
    }

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        View<T> z = f.X(0), r = f.X(1), y = f.Y, dy = f.Dy, saved = f.Saved;
        var (dz, dr) = (f.Wants(0) ? f.Dx(0) : default, f.Wants(1) ? f.Dx(1) : default);
        f.Workers.Blocks(z.Rows, BlockSizes.Rows, [SkipLocalsInit] (first, end) =>
        {
            Span<T> p = stackalloc T[BlockSizes.Strip], q = stackalloc T[BlockSizes.Strip];
            Span<T> ratio = stackalloc T[BlockSizes.Strip];
            for (int row = first; row < end; row++)
                for (int start = 0; start < z.Columns; start += BlockSizes.Strip)
                {
                    int count = Math.Min(BlockSizes.Strip, z.Columns - start);
                    ReadOnlySpan<T> student = z.Row(row).Slice(start, count), teacher = r.Row(row).Slice(start, count);
                    LogRatio(student, teacher, saved.Row(row)[0], saved.Row(row)[1], p, ratio);
                    TensorPrimitives.Exp<T>(p[..count], p);
                    if (!dz.IsEmpty)
                    {
                        TensorPrimitives.Subtract(student, saved.Row(row)[0], q);
                        TensorPrimitives.Exp<T>(q[..count], q);
                        TensorPrimitives.Subtract<T>(q[..count], p[..count], q);
                        var target = dz.Row(row).Slice(start, count);
                        TensorPrimitives.MultiplyAdd(q[..count], dy.Span[row], target, target);
                    }

                    if (!dr.IsEmpty)
                    {
                        TensorPrimitives.Subtract(ratio[..count], y.Span[row], ratio);
                        TensorPrimitives.Multiply<T>(p[..count], ratio[..count], ratio);
                        var target = dr.Row(row).Slice(start, count);
                        TensorPrimitives.MultiplyAdd(ratio[..count], dy.Span[row], target, target);
                    }
                }
        });
    }

    /// <summary>Computes log p, and log p - log q.</summary>
    private static void LogRatio(
        ReadOnlySpan<T> z, ReadOnlySpan<T> r, T student, T teacher, Span<T> logarithm, Span<T> ratio)
    {
        TensorPrimitives.Subtract(z, student, ratio);
        TensorPrimitives.Subtract(r, teacher, logarithm);
        TensorPrimitives.Subtract<T>(logarithm[..z.Length], ratio[..z.Length], ratio);
    }

    private static T LogSumExp(ReadOnlySpan<T> row, Span<T> strip)
    {
        T max = TensorPrimitives.Max(row);
        double sum = 0;
        for (int start = 0; start < row.Length; start += BlockSizes.Strip)
        {
            var part = strip[..Math.Min(BlockSizes.Strip, row.Length - start)];
            TensorPrimitives.Subtract(row.Slice(start, part.Length), max, part);
            TensorPrimitives.Exp<T>(part, part);
            sum += DoubleSums.Sum<T>(part);
        }

        return max + T.CreateTruncating(Math.Log(sum));
    }
}
