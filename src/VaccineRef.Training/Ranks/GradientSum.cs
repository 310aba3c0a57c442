using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json.Serialization;
using VaccineRef.Core;

namespace VaccineRef.Training;

/// <summary>How the gradients of a step's micro-batches are added up where they are divided among ranks.</summary>
[JsonConverter(typeof(SnakeCase<GradientReduction>))]
public enum GradientReduction
{
    /// <summary>One after the other, in the order of the micro-batches: the number of ranks changes no bit.</summary>
    Ordered,

    /// <summary>
    /// Each rank adds up its own, and the library adds up the sums in the order that it likes. Each element differs
    /// from the ordered sum by at most 2 (m - 1) u / (1 - (m - 1) u) times the sum of the magnitudes of its m terms, u
    /// the unit roundoff.
    /// </summary>
    Fast,
}

/// <summary>
/// Adds up the gradients of the micro-batches of a step. Each is formed from zero, and they are added in the order of
/// the micro-batches:
/// <code>
/// g = ((g_0 + g_1) + g_2) + ..
/// </code>
/// so that the sum does not depend on who formed which. In round j, rank r has formed the gradient of micro-batch j N +
/// r. The elements are dealt to the ranks in chunks; the rank of a chunk gathers it from all, adds in order, and gives
/// everybody the last sum. Over a step of m micro-batches each rank sends and receives m / N + 1 times the size of the
/// gradient, about.
/// </summary>
/// <param name="state">Device, parameters and ranks.</param>
/// <param name="reduction">In what order is added.</param>
internal sealed class GradientSum<T>(TrainState<T> state, GradientReduction reduction) : IDisposable
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int ChunkBytes = 1 << 20;

    private readonly ParameterVector<T> _own = new(state.Tape.Device);
    // by the first element of each chunk that this rank adds up
    private readonly Dictionary<long, T[]> _sums = [];
    private T[] _mine = [], _all = [];

    private static int Chunk => ChunkBytes / Unsafe.SizeOf<T>();

    private ICommunicator Ranks => state.Ranks;

    /// <summary>Bytes that are held beside the gradients.</summary>
    public long Bytes =>
        _own.Bytes + (Unsafe.SizeOf<T>() * (_mine.Length + _all.Length + _sums.Values.Sum(sum => (long)sum.Length)));

    /// <summary>Adds the gradients of a round, one of each rank that had a micro-batch left.</summary>
    /// <param name="present">How many ranks had one, from rank 0 on.</param>
    /// <param name="isFirst">Whether it is the first round of the step.</param>
    /// <param name="isLast">Whether it is the last one. The gradients are the sum then; else they are zero.</param>
    public void Add(int present, bool isFirst, bool isLast)
    {
        bool ordered = Ranks.Size > 1 && reduction == GradientReduction.Ordered;
        if (ordered)
            ForChunks((first, length) => AddInOrder(first, length, present, isFirst, isLast));
        else
            AddOwn(isFirst, isLast);
        if (!isLast)
            state.ClearGradients();
        else if (Ranks.Size > 1 && !ordered)
            ForChunks(AddFast);
    }

    /// <inheritdoc/>
    public void Dispose() => _own.Dispose();

    private void AddOwn(bool isFirst, bool isLast)
    {
        if (isFirst && isLast)
            return;
        if (isFirst)
            _own.CopyGradients(state.Trainable);
        else if (isLast)
            _own.AddToGradients(1);                     // g + s is s + g, bit for bit
        else
            _own.AddGradients();
    }

    private void AddInOrder(long first, int length, int present, bool isFirst, bool isLast)
    {
        int root = (int)(first / Chunk % Ranks.Size);
        var mine = _mine.AsSpan(0, length);
        var all = Ranks.Rank == root ? _all.AsSpan(0, length * Ranks.Size) : [];
        Read(first, mine);
        Ranks.Gather(MemoryMarshal.AsBytes(mine), MemoryMarshal.AsBytes(all), root);
        var sum = mine;
        if (Ranks.Rank == root)
        {
            if (!isLast || !isFirst)
                sum = _sums.TryGetValue(first, out var kept) ? kept : _sums[first] = new T[length];
            if (isFirst)
                all[..length].CopyTo(sum);
            for (int from = isFirst ? 1 : 0; from < present; from++)
                TensorPrimitives.Add(sum, all.Slice(from * length, length), sum);
        }

        if (!isLast)
            return;
        sum.CopyTo(mine);
        Ranks.Broadcast(MemoryMarshal.AsBytes(mine), root);
        Write(first, mine);
    }

    private void AddFast(long first, int length)
    {
        var mine = _mine.AsSpan(0, length);
        Read(first, mine);
        if (typeof(T) == typeof(float))
            Ranks.Sum(MemoryMarshal.Cast<T, float>(mine));
        else
            Ranks.Sum(MemoryMarshal.Cast<T, double>(mine));
        Write(first, mine);
    }

    /// <summary>The gradients of all parameters end to end, in chunks.</summary>
    private void ForChunks(Action<long, int> action)
    {
        long count = state.Trainable.Sum(parameter => parameter.Shape.Count);
        if (_mine.Length == 0)
        {
            _mine = new T[Math.Min(Chunk, count)];
            _all = new T[_mine.Length * Ranks.Size];
        }

        for (long first = 0; first < count; first += Chunk)
            action(first, (int)Math.Min(Chunk, count - first));
    }

    private void Read(long first, Span<T> chunk)
    {
        foreach (var (view, at) in Pieces(first, chunk.Length))
            state.Tape.Device.Download(view, chunk.Slice(at, (int)view.Shape.Count));
    }

    private void Write(long first, ReadOnlySpan<T> chunk)
    {
        foreach (var (view, at) in Pieces(first, chunk.Length))
            state.Tape.Device.Upload(chunk.Slice(at, (int)view.Shape.Count), view);
    }

    /// <summary>The parts of gradients that lie in a chunk, and where in it they begin.</summary>
    private IEnumerable<(View<T> View, int At)> Pieces(long first, int length)
    {
        long begin = 0;
        foreach (var parameter in state.Trainable)
        {
            long end = begin + parameter.Shape.Count, from = Math.Max(begin, first), to = Math.Min(end, first + length);
            if (from < to)
            {
                var gradient = parameter.Gradient;
                yield return (new(gradient.Buffer!, gradient.Offset + from - begin, Shape.Vector((int)(to - from))),
                    (int)(from - first));
            }

            begin = end;
        }
    }
}
