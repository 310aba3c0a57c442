using System.Numerics;
using System.Numerics.Tensors;

namespace VaccineRef.Kernels;

/// <summary>A head's rows on the query side, from the block's first row on: Stride apart, the statistics Heads apart.</summary>
internal readonly unsafe struct QueryRows<T>(T* q, T* y, T* dy, T* dq, T* logSumExp, nint stride, nint heads) where T : unmanaged
{
    public readonly T* Q = q, Y = y, Dy = dy, Dq = dq, LogSumExp = logSumExp;
    public readonly nint Stride = stride, Heads = heads;
}

/// <summary>A head's rows on the key side, from position 0 of the sequence on.</summary>
internal readonly unsafe struct KeyRows<T>(T* k, T* v, T* dk, T* dv, nint stride) where T : unmanaged
{
    public readonly T* K = k, V = v, Dk = dk, Dv = dv;
    public readonly nint Stride = stride;
}

/// <summary>
/// Up to 32 consecutive queries of one head against all the keys they see, 64 keys at a time. Scores are held transposed, keys by
/// queries: then the softmax is vertical, every vector holds one key's scores for many queries, and of the operands only Q and dY
/// need transposing, once. Key blocks begin at multiples of 64 of the position, so that a query's result does not depend on
/// which other queries share its block.
/// </summary>
internal readonly unsafe struct QueryBlock<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Queries in a full block.</summary>
    public const int Queries = 32;

    private const int Keys = 64;
    private readonly int _size, _first, _count, _window, _lanes;
    private readonly T _scale;
    private readonly T* _max, _sum, _factor;                     // (1, lanes) each
    private readonly T* _scores, _dScores;                       // (Keys, lanes)
    private readonly T* _queries, _dy;                           // (headSize, lanes)

    /// <summary>A block of <paramref name="count"/> queries, the first at position <paramref name="first"/>.</summary>
    public QueryBlock(void* scratch, CausalAttention<T> attention, int first, int count)
    {
        (_size, _first, _count) = (attention.HeadSize, first, count);
        _window = attention.Window ?? int.MaxValue;
        _scale = T.CreateChecked(attention.Scale);
        _lanes = (count + Vector<T>.Count - 1) / Vector<T>.Count * Vector<T>.Count;
        _max = (T*)scratch;
        _sum = _max + _lanes;
        _factor = _sum + _lanes;
        _scores = _factor + _lanes;
        _dScores = _scores + (Keys * _lanes);
        _queries = _dScores + (Keys * _lanes);
        _dy = _queries + (_size * _lanes);
    }

    /// <summary>Bytes of scratch: they depend on the head size alone.</summary>
    public static long ScratchBytes(int headSize) =>
        (3L + (2 * Keys) + (2 * headSize)) * Math.Max(Queries, Vector<T>.Count) * sizeof(T);

    private int FirstKey => Math.Max(0, _first - _window + 1) / Keys * Keys;

    private int EndKey => _first + _count;

    /// <summary>Y = softmax(scale Q K') V by an online softmax: the sums so far are rescaled whenever the maximum rises.</summary>
    public void Forward(QueryRows<T> query, KeyRows<T> key)
    {
        Transpose(query.Q, query.Stride, _scale, _queries);
        new Span<T>(_max, _lanes).Fill(T.BitIncrement(T.NegativeInfinity));      // finite: what is masked lies below it
        new Span<T>(_sum, _lanes).Clear();
        for (int position = FirstKey; position < EndKey; position += Keys)
        {
            int keys = Math.Min(Keys, EndKey - position);
            Score(position, keys, key);
            Soften(keys);
            bool started = position > FirstKey;
            for (int i = 0; started && i < _count; i++)
                Scale(query.Y + (i * query.Stride), _factor[i]);
            BlockProduct.Multiply(
                _count, _size, keys, _scores, 1, _lanes, key.V + (position * key.Stride), key.Stride, query.Y, query.Stride, started);
        }

        new Span<T>(_sum + _count, _lanes - _count).Fill(T.One);
        TensorPrimitives.Log(new ReadOnlySpan<T>(_sum, _lanes), new Span<T>(_factor, _lanes));
        for (int i = 0; i < _count; i++)
        {
            Scale(query.Y + (i * query.Stride), T.One / _sum[i]);
            if (query.LogSumExp != null)
                query.LogSumExp[i * query.Heads] = _max[i] + _factor[i];
        }
    }

    /// <summary>
    /// Adds to dQ, dK and dV, where not null, block by block: P = exp(S - L), dV += P' dY, dS = scale P (dY V' - rowsum(dY Y)),
    /// dQ += dS K, dK += dS' Q.
    /// </summary>
    public void Backward(QueryRows<T> query, KeyRows<T> key)
    {
        Transpose(query.Q, query.Stride, _scale, _queries);
        Transpose(query.Dy, query.Stride, T.One, _dy);
        LoadStatistics(query);
        for (int position = FirstKey; position < EndKey; position += Keys)
        {
            int keys = Math.Min(Keys, EndKey - position);
            nint at = position * key.Stride;
            Score(position, keys, key);
            Normalize(keys);
            if (key.Dv != null)
                BlockProduct.Multiply(
                    keys, _size, _count, _scores, _lanes, 1, query.Dy, query.Stride, key.Dv + at, key.Stride, true);
            if (query.Dq == null && key.Dk == null)
                continue;
            BlockProduct.Multiply(keys, _lanes, _size, key.V + at, key.Stride, 1, _dy, _lanes, _dScores, _lanes, false);
            Differentiate(keys);
            if (query.Dq != null)
                BlockProduct.Multiply(
                    _count, _size, keys, _dScores, 1, _lanes, key.K + at, key.Stride, query.Dq, query.Stride, true);
            if (key.Dk != null)
                BlockProduct.Multiply(
                    keys, _size, _count, _dScores, _lanes, 1, query.Q, query.Stride, key.Dk + at, key.Stride, true);
        }
    }

    /// <summary>scores = K (scale Q)', minus infinity where a query does not see a key.</summary>
    private void Score(int position, int keys, KeyRows<T> key)
    {
        BlockProduct.Multiply(
            keys, _lanes, _size, key.K + (position * key.Stride), key.Stride, 1, _queries, _lanes, _scores, _lanes, false);
        for (int j = 0; j < keys; j++)
        {
            var row = new Span<T>(_scores + (j * _lanes), _lanes);
            int seenFrom = position + j - _first;                         // the first query, counted in the block, that sees key j
            long seenTo = (long)seenFrom + _window;                       // and the first that no longer does
            if (seenFrom > 0)
                row[..Math.Min(seenFrom, _lanes)].Fill(T.NegativeInfinity);
            if (seenTo < _lanes)
                row[Math.Max(0, (int)seenTo)..].Fill(T.NegativeInfinity);
        }
    }

    /// <summary>Takes the new scores into max and sum; factor = exp(old max - max), scores = exp(scores - max).</summary>
    private void Soften(int keys)
    {
        for (int i = 0; i < _lanes; i += Vector<T>.Count)
        {
            Vector<T> before = Vector.Load(_max + i), max = before, sum = Vector<T>.Zero;
            for (int j = i; j < keys * _lanes; j += _lanes)
                max = Vector.Max(max, Vector.Load(_scores + j));
            for (int j = i; j < keys * _lanes; j += _lanes)
            {
                var weight = VectorMath.Exp(Vector.Load(_scores + j) - max);
                sum += weight;
                Vector.Store(weight, _scores + j);
            }

            var factor = VectorMath.Exp(before - max);
            Vector.Store(max, _max + i);
            Vector.Store(factor, _factor + i);
            Vector.Store((Vector.Load(_sum + i) * factor) + sum, _sum + i);
        }
    }

    /// <summary>scores = exp(scores - max), with max = the saved log-sum-exp: the probabilities.</summary>
    private void Normalize(int keys)
    {
        for (int j = 0; j < keys * _lanes; j += _lanes)
            for (int i = 0; i < _lanes; i += Vector<T>.Count)
                Vector.Store(VectorMath.Exp(Vector.Load(_scores + j + i) - Vector.Load(_max + i)), _scores + j + i);
    }

    /// <summary>dScores = scale * probabilities * (dScores - sum), with sum = rowsum(dY Y).</summary>
    private void Differentiate(int keys)
    {
        var scale = Vector.Create(_scale);
        for (int j = 0; j < keys * _lanes; j += _lanes)
            for (int i = 0; i < _lanes; i += Vector<T>.Count)
            {
                var difference = Vector.Load(_dScores + j + i) - Vector.Load(_sum + i);
                Vector.Store(difference * Vector.Load(_scores + j + i) * scale, _dScores + j + i);
            }
    }

    /// <summary>max = the saved log-sum-exp, sum = rowsum(dY Y).</summary>
    private void LoadStatistics(QueryRows<T> query)
    {
        new Span<T>(_max, 2 * _lanes).Clear();
        for (int i = 0; i < _count; i++)
        {
            _max[i] = query.LogSumExp[i * query.Heads];
            _sum[i] = TensorPrimitives.Dot(
                new ReadOnlySpan<T>(query.Dy + (i * query.Stride), _size), new ReadOnlySpan<T>(query.Y + (i * query.Stride), _size));
        }
    }

    /// <summary>to (headSize, lanes) = scale x', with zeros in the lanes beyond the last query.</summary>
    private void Transpose(T* x, nint stride, T scale, T* to)
    {
        for (int d = 0; d < _size; d++, to += _lanes)
        {
            for (int i = 0; i < _count; i++)
                to[i] = x[(i * stride) + d] * scale;
            for (int i = _count; i < _lanes; i++)
                to[i] = T.Zero;
        }
    }

    private void Scale(T* row, T factor)
    {
        var span = new Span<T>(row, _size);
        TensorPrimitives.Multiply(span, factor, span);
    }
}
