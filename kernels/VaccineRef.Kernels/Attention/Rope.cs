using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// Rotary position embedding. In every head, channels i and j = i + headSize / 2 are a pair that is rotated by the
/// angle a = position * frequency_i: y_i = x_i cos a - x_j sin a and y_j = x_j cos a + x_i sin a.
/// X: x (N, heads * headSize). Ids: N positions, at least 0. Y: as x. Backward rotates dy by -a. Angles, sines and
/// cosines are computed in double and rounded once; they are computed when a position first occurs and kept. Error
/// against double: 3 eps of (|x_i| + |x_j|). NaN stays in its pair. N = 0 is legal. Source: Hugging Face
/// modeling_llama.py, apply_rotary_pos_emb and rotate_half; Su et al., arXiv 2104.09864, eq. 34.
/// </summary>
public sealed unsafe partial class Rope<T> : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int LongestTable = 1 << 30;         // elements, enough for 8 million positions of heads of 128

    private readonly int _headSize;
    private readonly double[] _frequencies;

    // For each position headSize / 2 cosines and headSize / 2 sines. It is only ever replaced as a whole.
    private T[] _table = [];

    /// <summary>Makes the op.</summary>
    /// <param name="headSize">Number of channels of a head.</param>
    /// <param name="inverseFrequencies">
    /// Radians per position, one number for each of the headSize / 2 pairs; see <see cref="RopeFrequencies"/>.
    /// </param>
    /// <exception cref="InputException">The number of frequencies is not half the head size.</exception>
    public Rope(int headSize, double[] inverseFrequencies)
    {
        if (headSize < 2 || inverseFrequencies.Length * 2 != headSize)
            throw new InputException(
                "a rotary head needs one frequency for each pair of channels", Name, $"{inverseFrequencies.Length}",
                $"{headSize} / 2");
        _headSize = headSize;
        _frequencies = [.. inverseFrequencies];
    }

    /// <inheritdoc/>
    public override string Name => "Rope";

    /// <inheritdoc/>
    public override bool Reads(int input, int gradient) => false;

    /// <inheritdoc/>
    public override bool IsCheap => true;

    /// <inheritdoc/>
    public override bool Overwrites(int input) => true;

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) => x is [var heads] && heads.Columns % _headSize == 0
        ? heads
        : throw new ShapeException(Name, x, $"x (N, heads * {_headSize})");

    /// <inheritdoc/>
    public override void Check(ReadOnlySpan<Shape> x, ReadOnlySpan<int> ids)
    {
        if (ids.Length != x[0].Rows)
            throw new ShapeException(Name, $"{ids.Length} positions for x {x[0]}", "a position for every row");
        foreach (int position in ids)
            if ((uint)position >= LongestTable / (uint)_headSize)
                throw new ShapeException(
                    Name, $"position {position}", $"0 to {(LongestTable / _headSize) - 1}");
    }

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f) => Rotate(f, f.X(0), f.Y, back: false);

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        if (f.Wants(0))
            Rotate(f, f.Dy, f.Dx(0), back: true, f.Adds(0));
    }

    /// <summary>
    /// Computes y = R x, where R is the rotation, or, if <paramref name="back"/>, y = R' x or y += R' x.
    /// </summary>
    private void Rotate(CpuFrame<T> f, View<T> x, View<T> y, bool back, bool adds = false)
    {
        var positions = f.Ids;
        var table = Table(positions.Span);
        int headSize = _headSize;
        f.Workers.Blocks(x.Rows, BlockSizes.Rows, (first, end) =>
        {
            fixed (T* turns = table)
                for (int row = first; row < end; row++)
                {
                    T* turn = turns + ((long)positions.Span[row] * headSize);
                    T* from = x.Address + ((long)row * x.Columns), to = y.Address + ((long)row * x.Columns);
                    for (int head = 0; head < x.Columns; head += headSize)
                        if (back)
                            RotateBack(from + head, turn, to + head, headSize / 2, adds);
                        else
                            Rotate(from + head, turn, to + head, headSize / 2);
                }
        });
    }

    private static void Rotate(T* x, T* turn, T* y, int half)
    {
        int i = 0;
        for (; i <= half - Vector<T>.Count; i += Vector<T>.Count)
        {
            Vector<T> cos = Vector.Load(turn + i), sin = Vector.Load(turn + half + i);
            Vector<T> a = Vector.Load(x + i), b = Vector.Load(x + half + i);
            Vector.Store((a * cos) - (b * sin), y + i);
            Vector.Store((b * cos) + (a * sin), y + half + i);
        }

        for (; i < half; i++)
            (y[i], y[half + i]) =
                ((x[i] * turn[i]) - (x[half + i] * turn[half + i]), (x[half + i] * turn[i]) + (x[i] * turn[half + i]));
    }

    private static void RotateBack(T* dy, T* turn, T* dx, int half, bool adds)
    {
        int i = 0;
        for (; i <= half - Vector<T>.Count; i += Vector<T>.Count)
        {
            Vector<T> cos = Vector.Load(turn + i), sin = Vector.Load(turn + half + i);
            Vector<T> a = Vector.Load(dy + i), b = Vector.Load(dy + half + i);
            Vector<T> x = adds ? Vector.Load(dx + i) : default, y = adds ? Vector.Load(dx + half + i) : default;
            Vector.Store(x + ((a * cos) + (b * sin)), dx + i);
            Vector.Store(y + ((b * cos) - (a * sin)), dx + half + i);
        }

        for (; i < half; i++)
        {
            (T x, T y) = adds ? (dx[i], dx[half + i]) : default;
            dx[i] = x + ((dy[i] * turn[i]) + (dy[half + i] * turn[half + i]));
            dx[half + i] = y + ((dy[half + i] * turn[i]) - (dy[i] * turn[half + i]));
        }
    }

    /// <summary>
    /// The table of cosines and sines, at least up to the largest position. Two threads may compute it at the same
    /// time: they compute the same numbers.
    /// </summary>
    private T[] Table(ReadOnlySpan<int> positions)
    {
        int needed = 0;
        foreach (int position in positions)
            needed = Math.Max(needed, position + 1);
        var table = Volatile.Read(ref _table);
        if (table.Length >= (long)needed * _headSize)
            return table;
        int rows = (int)BitOperations.RoundUpToPowerOf2((uint)needed), half = _headSize / 2;
        table = new T[checked(rows * _headSize)];
        for (int position = 0; position < rows; position++)
            for (int i = 0; i < half; i++)
            {
                var (sin, cos) = Math.SinCos(position * _frequencies[i]);
                table[(position * _headSize) + i] = T.CreateChecked(cos);
                table[(position * _headSize) + half + i] = T.CreateChecked(sin);
            }

        Volatile.Write(ref _table, table);
        return table;
    }
}
