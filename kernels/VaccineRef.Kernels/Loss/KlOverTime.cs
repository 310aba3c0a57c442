using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y_sv = KL(p || q), where p = softmax of r and q = softmax of z are taken over the rows of sequence s, for each
/// column v by itself. This is the divergence that the released KL baseline of Vaccine computes: it normalises over
/// time where it should normalise over the vocabulary. X: the student's logits z (N, V) and the teacher's logits r (N,
/// V). Ids: the S + 1 offsets of the S sequences. Y: (S, V), exactly 0 where z = r, and 0 for an empty sequence.
/// Backward computes both softmaxes again: dz = dy (q - p) and dr = dy p (log p - log q - y).
/// Error against double: below (4 A (A + 2) + N A) eps, where A = 3 + 2 max(|z|, |r|) + 2 log N. NaN stays in its
/// sequence and column. Source: docs/deviations.md, D9; trainer.py of the release, softmax(dim=1).
/// </summary>
public sealed partial class KlOverTime<T> : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "KlOverTime";

    /// <inheritdoc/>
    public override bool ReadsOutput => true;

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) => Infer(x, 2);

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x, int ids) =>
        x is [var student, var teacher] && student == teacher && ids > 0
            ? new(ids - 1, student.Columns)
            : throw new ShapeException(Name, x, "logits z (N, V) and r (N, V), and the offsets of the sequences");

    /// <inheritdoc/>
    public override void Check(ReadOnlySpan<Shape> x, ReadOnlySpan<int> ids)
    {
        bool ascends = ids[0] == 0 && ids[^1] == x[0].Rows;
        for (int i = 1; i < ids.Length; i++)
            ascends &= ids[i - 1] <= ids[i];
        if (!ascends)
            throw new ShapeException(
                Name, $"offsets {string.Join(' ', ids.ToArray())}", $"ascending from 0 to N = {x[0].Rows}");
    }

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        View<T> y = f.Y;
        f.Workers.Blocks(y.Columns, BlockSizes.Strip, [SkipLocalsInit] (first, end) =>
        {
            var strips = new Strips(f, stackalloc T[Strips.Number * BlockSizes.Strip]);
            for (int start = first; start < end; start += BlockSizes.Strip)
                for (int sequence = 0; sequence < y.Rows; sequence++)
                {
                    strips.Take(sequence, start, Math.Min(BlockSizes.Strip, end - start));
                    var sum = y.Row(sequence).Slice(start, strips.Count);
                    sum.Clear();
                    for (int row = strips.First; row < strips.End; row++)
                    {
                        strips.LogRatio(row);
                        TensorPrimitives.Exp<T>(strips.P, strips.P);
                        TensorPrimitives.MultiplyAdd<T>(strips.P, strips.Ratio, sum, sum);
                    }
                }
        });
    }

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        View<T> y = f.Y, dy = f.Dy;
        var (dz, dr) = (f.Wants(0) ? f.Dx(0) : default, f.Wants(1) ? f.Dx(1) : default);
        f.Workers.Blocks(y.Columns, BlockSizes.Strip, [SkipLocalsInit] (first, end) =>
        {
            var strips = new Strips(f, stackalloc T[Strips.Number * BlockSizes.Strip]);
            for (int start = first; start < end; start += BlockSizes.Strip)
                for (int sequence = 0; sequence < y.Rows; sequence++)
                {
                    strips.Take(sequence, start, Math.Min(BlockSizes.Strip, end - start));
                    int count = strips.Count;
                    var slope = dy.Row(sequence).Slice(start, count);
                    for (int row = strips.First; row < strips.End; row++)
                    {
                        strips.LogRatio(row);
                        TensorPrimitives.Exp<T>(strips.P, strips.P);
                        if (!dz.IsEmpty)
                        {
                            strips.StudentMinusTeacher(row);
                            var target = dz.Row(row).Slice(start, count);
                            TensorPrimitives.MultiplyAdd<T>(strips.Q, slope, target, target);
                        }

                        if (!dr.IsEmpty)
                        {
                            var mean = y.Row(sequence).Slice(start, count);
                            TensorPrimitives.Subtract<T>(strips.Ratio, mean, strips.Ratio);
                            TensorPrimitives.Multiply<T>(strips.P, strips.Ratio, strips.Ratio);
                            var target = dr.Row(row).Slice(start, count);
                            TensorPrimitives.MultiplyAdd<T>(strips.Ratio, slope, target, target);
                        }
                    }
                }
        });
    }

    /// <summary>
    /// Some neighbouring columns of one sequence: the log-sum-exps of their softmaxes, and room for one row.
    /// </summary>
    private ref struct Strips(CpuFrame<T> f, Span<T> memory)
    {
        public const int Number = 5;

        private readonly Span<T> _memory = memory;
        private int _column;

        /// <summary>The number of columns.</summary>
        public int Count { get; private set; }

        /// <summary>The first row of the sequence.</summary>
        public int First { get; private set; }

        /// <summary>The row behind the last row of the sequence.</summary>
        public int End { get; private set; }

        /// <summary>log p after <see cref="LogRatio"/>, and room for p.</summary>
        public readonly Span<T> P => Strip(0);

        /// <summary>log p - log q of a row.</summary>
        public readonly Span<T> Ratio => Strip(1);

        /// <summary>q - p of a row.</summary>
        public readonly Span<T> Q => Strip(2);

        private readonly Span<T> Student => Strip(3);

        private readonly Span<T> Teacher => Strip(4);

        /// <summary>Goes to some columns of a sequence, and forms their log-sum-exps.</summary>
        public void Take(int sequence, int column, int count)
        {
            (_column, Count, First, End) = (column, count, f.Ids.Span[sequence], f.Ids.Span[sequence + 1]);
            if (First == End)
                return;
            LogSumExp(f.X(0), Student);
            LogSumExp(f.X(1), Teacher);
        }

        /// <summary>Forms log p and log p - log q of a row.</summary>
        public readonly void LogRatio(int row)
        {
            TensorPrimitives.Subtract<T>(Row(f.X(0), row), Student, Ratio);
            TensorPrimitives.Subtract<T>(Row(f.X(1), row), Teacher, P);
            TensorPrimitives.Subtract<T>(P, Ratio, Ratio);
        }

        /// <summary>Forms q - p of a row whose p has been formed.</summary>
        public readonly void StudentMinusTeacher(int row)
        {
            TensorPrimitives.Subtract<T>(Row(f.X(0), row), Student, Q);
            TensorPrimitives.Exp<T>(Q, Q);
            TensorPrimitives.Subtract<T>(Q, P, Q);
        }

        private readonly Span<T> Strip(int which) => _memory.Slice(which * BlockSizes.Strip, Count);

        private readonly Span<T> Row(View<T> x, int row) => x.Row(row).Slice(_column, Count);

        private readonly void LogSumExp(View<T> x, Span<T> result)
        {
            Span<T> max = Ratio, part = P;
            Row(x, First).CopyTo(max);
            for (int row = First + 1; row < End; row++)
                TensorPrimitives.Max<T>(max, Row(x, row), max);
            result.Clear();
            for (int row = First; row < End; row++)
            {
                TensorPrimitives.Subtract<T>(Row(x, row), max, part);
                TensorPrimitives.Exp<T>(part, part);
                TensorPrimitives.Add<T>(result, part, result);
            }

            TensorPrimitives.Log<T>(result, result);
            TensorPrimitives.Add<T>(result, max, result);
        }
    }
}
