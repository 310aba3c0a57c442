using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace VaccineRef.Kernels;

/// <summary>
/// One query of one head against all the keys it sees: decoding, where <see cref="QueryBlock{T}"/> would leave all
/// lanes but one idle. Keys lie transposed, (headSize, capacity), so that a vector holds one channel of many keys. The
/// arithmetic and its order are those of <see cref="QueryBlock{T}"/>, 64 keys at a time, and so are the bits.
/// </summary>
internal static unsafe class SingleQuery
{
    /// <summary>Keys of a block. Key rows are padded to whole blocks: lanes beyond the last key are computed, not read.</summary>
    public const int Keys = 64;

    /// <summary>y = softmax(scale q K') V over the keys up to <paramref name="position"/>, at most the last window.</summary>
    /// <param name="attention">Head size, scale, window.</param>
    /// <param name="q">The query, (headSize).</param>
    /// <param name="keys">The head's keys from position 0 on, (headSize, keyStep).</param>
    /// <param name="keyStep">From a channel to the next.</param>
    /// <param name="values">The head's values from position 0 on, headSize of every <paramref name="valueStep"/>.</param>
    /// <param name="valueStep">From a row of values to the next.</param>
    /// <param name="position">The query's own.</param>
    /// <param name="y">The output, (headSize).</param>
    [SkipLocalsInit]
    public static void Attend<T>(
        CausalAttention<T> attention, T* q, T* keys, nint keyStep, T* values, nint valueStep, int position, T* y)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int size = attention.HeadSize, end = position + 1, seen = Math.Max(0, end - (attention.Window ?? end));
        T* weights = stackalloc T[Keys], query = stackalloc T[size];
        TensorPrimitives.Multiply(new ReadOnlySpan<T>(q, size), T.CreateChecked(attention.Scale), new Span<T>(query, size));
        T max = T.BitIncrement(T.NegativeInfinity), sum = T.Zero;
        for (int first = seen / Keys * Keys, block = first; block < end; block += Keys)
        {
            int count = Math.Min(Keys, end - block);
            Score(size, query, keys + block, keyStep, weights);
            if (block < seen)
                new Span<T>(weights, seen - block).Fill(T.NegativeInfinity);
            new Span<T>(weights + count, Keys - count).Fill(T.NegativeInfinity);
            T before = max;
            max = Soften(weights, before);
            T factor = VectorMath.Exp(Vector.Create(before - max))[0];
            if (block > first)
                TensorPrimitives.Multiply(new ReadOnlySpan<T>(y, size), factor, new Span<T>(y, size));
            sum = (sum * factor) + Mix(count, size, weights, values + (block * valueStep), valueStep, y, block > first);
        }

        TensorPrimitives.Multiply(new ReadOnlySpan<T>(y, size), T.One / sum, new Span<T>(y, size));
    }

    /// <summary>scores = q K', every element one chain of fused multiply-adds over the channels.</summary>
    private static void Score<T>(int size, T* q, T* keys, nint step, T* scores)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int j = 0; j < Keys; j += 4 * Vector<T>.Count)
        {
            Vector<T> s0 = default, s1 = default, s2 = default, s3 = default;
            T* k = keys + j;
            for (int d = 0; d < size; d++, k += step)
            {
                var factor = Vector.Create(q[d]);
                s0 = VectorMath.MultiplyAdd(Vector.Load(k), factor, s0);
                s1 = VectorMath.MultiplyAdd(Vector.Load(k + Vector<T>.Count), factor, s1);
                s2 = VectorMath.MultiplyAdd(Vector.Load(k + (2 * Vector<T>.Count)), factor, s2);
                s3 = VectorMath.MultiplyAdd(Vector.Load(k + (3 * Vector<T>.Count)), factor, s3);
            }

            Vector.Store(s0, scores + j);
            Vector.Store(s1, scores + j + Vector<T>.Count);
            Vector.Store(s2, scores + j + (2 * Vector<T>.Count));
            Vector.Store(s3, scores + j + (3 * Vector<T>.Count));
        }
    }

    /// <summary>scores = exp(scores - max), with max the largest of them and of what came before, which is returned.</summary>
    private static T Soften<T>(T* scores, T before) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var most = Vector.Create(before);
        for (int j = 0; j < Keys; j += Vector<T>.Count)
            most = Vector.Max(most, Vector.Load(scores + j));
        T max = before;
        for (int lane = 0; lane < Vector<T>.Count; lane++)
            max = T.Max(max, most[lane]);
        var subtrahend = Vector.Create(max);
        for (int j = 0; j < Keys; j += Vector<T>.Count)
            Vector.Store(VectorMath.Exp(Vector.Load(scores + j) - subtrahend), scores + j);
        return max;
    }

    /// <summary>y = or += w V over the block's keys, one after the other; returns the sum of w, in the same order.</summary>
    private static T Mix<T>(int count, int size, T* w, T* values, nint step, T* y, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T sum = T.Zero;
        int d = 0;
        for (; d + Vector<T>.Count <= size; d += Vector<T>.Count)
        {
            var mixed = accumulate ? Vector.Load(y + d) : Vector<T>.Zero;
            T* v = values + d;
            T total = T.Zero;                                   // beside the first chain it costs nothing
            for (int j = 0; j < count; j++, v += step)
            {
                mixed = VectorMath.MultiplyAdd(Vector.Create(w[j]), Vector.Load(v), mixed);
                total += w[j];
            }

            Vector.Store(mixed, y + d);
            sum = total;
        }

        for (; d < size; d++)
        {
            T mixed = accumulate ? y[d] : T.Zero, total = T.Zero;
            for (int j = 0; j < count; j++)
            {
                mixed = T.FusedMultiplyAdd(w[j], values[(j * step) + d], mixed);
                total += w[j];
            }

            (y[d], sum) = (mixed, total);
        }

        return sum;
    }
}
