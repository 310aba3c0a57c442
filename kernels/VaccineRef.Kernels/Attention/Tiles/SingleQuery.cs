using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace VaccineRef.Kernels;

/// <summary>
/// One query of one head, which meets all the keys that it sees. Decoding uses it, where <see cref="QueryBlock{T}"/>
/// would leave all lanes but one idle. Keys are stored transposed, (headSize, capacity), so that a vector holds one
/// channel of many keys. The arithmetic and its order are those of <see cref="QueryBlock{T}"/>, 64 keys at a time, and
/// so are the bits.
/// </summary>
internal static unsafe class SingleQuery
{
    /// <summary>
    /// The number of keys of a block. The memory of the keys is padded to whole blocks: lanes beyond the last key are
    /// computed and never read.
    /// </summary>
    public const int Keys = 64;

    /// <summary>
    /// y = softmax(scale q K') V over the keys up to <paramref name="position"/>, or over those within the window.
    /// </summary>
    /// <param name="attention">The head size, the scale and the window.</param>
    /// <param name="q">The query, (headSize).</param>
    /// <param name="keys">The keys of the head from position 0 on, (headSize, keyStep).</param>
    /// <param name="keyStep">The distance from a channel to the next.</param>
    /// <param name="values">The values of the head from position 0 on, (position + 1, headSize).</param>
    /// <param name="position">The position of the query.</param>
    /// <param name="y">The output, (headSize).</param>
    [SkipLocalsInit]
    public static void Attend<T>(
        CausalAttention<T> attention, T* q, T* keys, nint keyStep, T* values, int position, T* y)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int size = attention.HeadSize, end = position + 1, seen = Math.Max(0, end - (attention.Window ?? end));
        T* weights = stackalloc T[Keys];
        T scale = T.CreateChecked(attention.Scale), max = T.BitIncrement(T.NegativeInfinity), sum = T.Zero;
        for (int first = seen / Keys * Keys, block = first; block < end; block += Keys)
        {
            int count = Math.Min(Keys, end - block), lanes = (count + Stretch<T>() - 1) / Stretch<T>() * Stretch<T>();
            Score(lanes, size, q, scale, keys + block, keyStep, weights);
            for (int j = 0; j < seen - block; j++)
                weights[j] = T.NegativeInfinity;
            for (int j = count; j < lanes; j++)
                weights[j] = T.NegativeInfinity;
            T before = max;
            max = UpdateSoftmax(lanes, weights, before);
            T factor = block > first ? VectorMath.Exp(Vector.Create(before - max))[0] : T.Zero;
            T* seenValues = values + ((nint)block * size);
            sum = (sum * factor) + AddValues(count, size, weights, seenValues, y, factor, block > first);
        }

        TensorPrimitives.Multiply(new ReadOnlySpan<T>(y, size), T.One / sum, new Span<T>(y, size));
    }

    /// <summary>The number of keys whose scores are formed together.</summary>
    private static int Stretch<T>() => 4 * Vector<T>.Count;

    /// <summary>
    /// scores = (scale q) K', where every element is one chain of fused multiply-adds over the channels.
    /// </summary>
    private static void Score<T>(int lanes, int size, T* q, T scale, T* keys, nint step, T* scores)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int j = 0; j < lanes; j += Stretch<T>())
        {
            Vector<T> s0 = default, s1 = default, s2 = default, s3 = default;
            T* k = keys + j;
            for (int d = 0; d < size; d++, k += step)
            {
                var factor = Vector.Create(q[d] * scale);
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

    /// <summary>
    /// scores = exp(scores - max), where max, which is returned, is the largest of them and of what came before.
    /// </summary>
    private static T UpdateSoftmax<T>(int lanes, T* scores, T before) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var most = Vector.Create(before);
        for (int j = 0; j < lanes; j += Vector<T>.Count)
            most = Vector.Max(most, Vector.Load(scores + j));
        T max = before;
        for (int lane = 0; lane < Vector<T>.Count; lane++)
            max = most[lane] > max ? most[lane] : max;
        var subtrahend = Vector.Create(max);
        for (int j = 0; j < lanes; j += Vector<T>.Count)
            Vector.Store(VectorMath.Exp(Vector.Load(scores + j) - subtrahend), scores + j);
        return max;
    }

    /// <summary>
    /// y = w V, or factor y + w V, over the keys of the block, one after the other. Returns the sum of w, taken in the
    /// same order.
    /// </summary>
    private static T AddValues<T>(int count, int size, T* w, T* values, T* y, T factor, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T sum = T.Zero;
        int d = 0;
        for (; d + Vector<T>.Count <= size; d += Vector<T>.Count)
        {
            var mixed = accumulate ? Vector.Load(y + d) * factor : Vector<T>.Zero;
            T* v = values + d;
            T total = T.Zero;                                   // beside the other chain of sums it costs nothing
            for (int j = 0; j < count; j++, v += size)
            {
                mixed = VectorMath.MultiplyAdd(Vector.Create(w[j]), Vector.Load(v), mixed);
                total += w[j];
            }

            Vector.Store(mixed, y + d);
            sum = total;
        }

        for (; d < size; d++)
        {
            T mixed = accumulate ? y[d] * factor : T.Zero, total = T.Zero;
            for (int j = 0; j < count; j++)
            {
                mixed = T.FusedMultiplyAdd(w[j], values[(j * size) + d], mixed);
                total += w[j];
            }

            (y[d], sum) = (mixed, total);
        }

        return sum;
    }
}
