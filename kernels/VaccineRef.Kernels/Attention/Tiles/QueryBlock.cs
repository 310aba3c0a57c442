using System.Numerics;
using System.Numerics.Tensors;

namespace VaccineRef.Kernels;

/// <summary>
/// Up to 32 consecutive queries of one head, which meet all the keys that they see, 64 keys at a time. Scores are
/// stored transposed, keys by queries, for two reasons: the softmax then runs down the columns, so that every vector
/// holds the scores of one key for many queries; and only Q and dY need to be transposed, once. Blocks of keys begin at
/// positions that are multiples of 64, so that the result of a query does not depend on which other queries share its
/// block.
/// </summary>
internal readonly unsafe struct QueryBlock<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The number of queries in a full block.</summary>
    public const int Queries = 32;

    private const int Keys = 64;

    /// <summary>
    /// The number of lanes is a multiple of this: of whole vectors, and of the four rows that are transposed together.
    /// </summary>
    private static int Multiple => Math.Max(4, Vector<T>.Count);

    /// <summary>How many queries, or keys, share one decision on what the causal mask leaves of a block.</summary>
    private static int Strip => Math.Max(8, Vector<T>.Count);

    private readonly int _size, _first, _count, _window, _lanes;
    private readonly T _scale;
    private readonly T* _max, _sum, _factor;                     // (1, lanes) each
    private readonly T* _scores, _dScores;                       // (Keys, lanes)
    private readonly T* _queries, _dy;                           // (headSize, lanes)

    /// <summary>
    /// Makes a block of <paramref name="count"/> queries, the first of them at position <paramref name="first"/>.
    /// </summary>
    public QueryBlock(void* scratch, CausalAttention<T> attention, int first, int count)
    {
        (_size, _first, _count) = (attention.HeadSize, first, count);
        _window = attention.Window ?? int.MaxValue;
        _scale = T.CreateChecked(attention.Scale);
        _lanes = (count + Multiple - 1) / Multiple * Multiple;
        _max = (T*)scratch;
        _sum = _max + _lanes;
        _factor = _sum + _lanes;
        _scores = _factor + _lanes;
        _dScores = _scores + (Keys * _lanes);
        _queries = _dScores + (Keys * _lanes);
        _dy = _queries + (_size * _lanes);
    }

    /// <summary>The number of bytes of scratch memory, which depends on the head size alone.</summary>
    public static long ScratchBytes(int headSize) =>
        (3L + (2 * Keys) + (2 * headSize)) * Math.Max(Queries, Multiple) * sizeof(T);

    private int FirstKey => Math.Max(0, _first - _window + 1) / Keys * Keys;

    private int EndKey => _first + _count;

    /// <summary>
    /// Y = softmax(scale Q K') V by an online softmax: the sums so far are scaled down whenever the maximum rises.
    /// </summary>
    public void Forward(QueryRows<T> query, KeyRows<T> key)
    {
        query.Transpose(query.Q, _scale, _count, _lanes, _size, _queries);
        new Span<T>(_max, _lanes).Fill(T.BitIncrement(T.NegativeInfinity));      // finite, and above what is masked
        new Span<T>(_sum, _lanes).Clear();
        for (int position = FirstKey; position < EndKey; position += Keys)
        {
            Score(position, key);
            UpdateSoftmax(position);
            bool started = position > FirstKey;
            for (int i = 0; started && i < _count; i++)
                query.ScaleOutput(i, _size, _factor[i]);
            SumOverKeys(position, _scores, key.V + (position * key.Stride), key.Stride, query.Y, query.Stride, started);
        }

        new Span<T>(_sum + _count, _lanes - _count).Fill(T.One);
        TensorPrimitives.Log(new ReadOnlySpan<T>(_sum, _lanes), new Span<T>(_factor, _lanes));
        for (int i = 0; i < _count; i++)
        {
            query.ScaleOutput(i, _size, T.One / _sum[i]);
            if (query.LogSumExp != null)
                query.LogSumExp[i * query.Heads] = _max[i] + _factor[i];
        }
    }

    /// <summary>
    /// Adds to dK and dV, and adds to or writes dQ, as <paramref name="adds"/> says, block by block and each only where
    /// it is not null: P = exp(S - L), dV += P' dY, dS = scale P (dY V' - rowsum(dY Y)), dQ += dS K, dK += dS' Q.
    /// </summary>
    public void Backward(QueryRows<T> query, KeyRows<T> key, bool adds)
    {
        query.Transpose(query.Q, _scale, _count, _lanes, _size, _queries);
        query.Transpose(query.Dy, T.One, _count, _lanes, _size, _dy);
        LoadStatistics(query);
        for (int position = FirstKey; position < EndKey; position += Keys)
        {
            nint at = position * key.Stride;
            Score(position, key);
            Normalize(position);
            if (key.Dv != null)
                SumOverQueries(position, _scores, query.Dy, query.Stride, key.Dv + at, key.Stride);
            if (query.Dq == null && key.Dk == null)
                continue;
            KeysByQueries(position, key.V + at, key.Stride, _dy, _dScores);
            Differentiate(position);
            if (query.Dq != null)
                SumOverKeys(
                    position, _dScores, key.K + at, key.Stride, query.Dq, query.Stride,
                    accumulate: adds || position > FirstKey);
            if (key.Dk != null)
                SumOverQueries(position, _dScores, query.Q, query.Stride, key.Dk + at, key.Stride);
        }
    }

    /// <summary>The number of keys in the block that begins at <paramref name="position"/>.</summary>
    private int KeyCount(int position) => Math.Min(Keys, EndKey - position);

    /// <summary>
    /// How many keys of the block are seen by at least one query of the strip to which <paramref name="lane"/> belongs.
    /// The others are never read.
    /// </summary>
    private int Seen(int position, int lane) =>
        Math.Clamp(_first + (lane / Strip * Strip) + Strip - position, 0, KeyCount(position));

    /// <summary>
    /// to (keys, lanes) = X Y, where X (keys, headSize) are rows of K or V, and Y is (headSize, lanes).
    /// </summary>
    private void KeysByQueries(int position, T* x, nint stride, T* y, T* to)
    {
        int keys = KeyCount(position);
        for (int j = 0; j < keys; j += Strip)
        {
            int lane = Math.Max(0, position + j - _first) / Strip * Strip;
            BlockProduct.Multiply(
                Math.Min(Strip, keys - j), _lanes - lane, _size, x + (j * stride), stride, 1, y + lane, _lanes,
                to + (j * _lanes) + lane, _lanes, false);
        }
    }

    /// <summary>
    /// to (queries, headSize) = W' X, or += W' X, where W is (keys, lanes), and X (keys, headSize) are rows of K or V.
    /// </summary>
    private void SumOverKeys(int position, T* weights, T* x, nint stride, T* to, nint toStride, bool accumulate)
    {
        for (int i = 0; i < _count; i += Strip)
            BlockProduct.Multiply(
                Math.Min(Strip, _count - i), _size, Seen(position, i), weights + i, 1, _lanes, x, stride,
                to + (i * toStride), toStride, accumulate);
    }

    /// <summary>
    /// to (keys, headSize) += W X, where W is (keys, lanes), and X (queries, headSize) are rows of Q or dY.
    /// </summary>
    private void SumOverQueries(int position, T* weights, T* x, nint stride, T* to, nint toStride)
    {
        int keys = KeyCount(position);
        for (int j = 0; j < keys; j += Strip)
        {
            int lane = Math.Max(0, position + j - _first);
            BlockProduct.Multiply(
                Math.Min(Strip, keys - j), _size, _count - lane, weights + (j * _lanes) + lane, _lanes, 1,
                x + (lane * stride), stride, to + (j * toStride), toStride, true);
        }
    }

    /// <summary>scores = K (scale Q)', and minus infinity where a query does not see a key.</summary>
    private void Score(int position, KeyRows<T> key)
    {
        KeysByQueries(position, key.K + (position * key.Stride), key.Stride, _queries, _scores);
        for (int j = 0; j < KeyCount(position); j++)
        {
            T* row = _scores + (j * _lanes);
            int seenFrom = position + j - _first;            // the first query of the block that sees key j
            long seenTo = Math.Max(0, (long)seenFrom + _window);    // and the first that no longer sees it
            for (int i = Math.Max(0, seenFrom) / Strip * Strip; i < seenFrom; i++)
                row[i] = T.NegativeInfinity;
            if (seenTo < _lanes)
                new Span<T>(row + seenTo, _lanes - (int)seenTo).Fill(T.NegativeInfinity);
        }
    }

    /// <summary>
    /// Takes new scores into the maximum and the sum of each query: factor = exp(old max - max), scores = exp(scores -
    /// max).
    /// </summary>
    private void UpdateSoftmax(int position)
    {
        for (int i = 0; i < _lanes; i += Vector<T>.Count)
        {
            Vector<T> before = Vector.Load(_max + i), max = before, sum = Vector<T>.Zero;
            T* end = _scores + i + (Seen(position, i) * _lanes);
            for (T* score = _scores + i; score < end; score += _lanes)
                max = Vector.Max(max, Vector.Load(score));
            for (T* score = _scores + i; score < end; score += _lanes)
            {
                var weight = VectorMath.Exp(Vector.Load(score) - max);
                sum += weight;
                Vector.Store(weight, score);
            }

            var factor = VectorMath.Exp(before - max);
            Vector.Store(max, _max + i);
            Vector.Store(factor, _factor + i);
            Vector.Store((Vector.Load(_sum + i) * factor) + sum, _sum + i);
        }
    }

    /// <summary>
    /// scores = exp(scores - max), where max is the saved log-sum-exp, which makes them the probabilities.
    /// </summary>
    private void Normalize(int position)
    {
        for (int i = 0; i < _lanes; i += Vector<T>.Count)
        {
            var logSumExp = Vector.Load(_max + i);
            T* end = _scores + i + (Seen(position, i) * _lanes);
            for (T* score = _scores + i; score < end; score += _lanes)
                Vector.Store(VectorMath.Exp(Vector.Load(score) - logSumExp), score);
        }
    }

    /// <summary>dScores = scale * probabilities * (dScores - sum), where sum = rowsum(dY Y).</summary>
    private void Differentiate(int position)
    {
        var scale = Vector.Create(_scale);
        for (int i = 0; i < _lanes; i += Vector<T>.Count)
        {
            var sum = Vector.Load(_sum + i);
            int end = i + (Seen(position, i) * _lanes);
            for (int at = i; at < end; at += _lanes)
                Vector.Store((Vector.Load(_dScores + at) - sum) * Vector.Load(_scores + at) * scale, _dScores + at);
        }
    }

    /// <summary>Sets max to the saved log-sum-exp and sum to rowsum(dY Y).</summary>
    private void LoadStatistics(QueryRows<T> query)
    {
        new Span<T>(_max, 2 * _lanes).Clear();
        for (int i = 0; i < _count; i++)
        {
            _max[i] = query.LogSumExp[i * query.Heads];
            nint row = i * query.Stride;
            ReadOnlySpan<T> y = new(query.Y + row, _size), dy = new(query.Dy + row, _size);
            _sum[i] = TensorPrimitives.Dot(dy, y);
        }
    }
}
