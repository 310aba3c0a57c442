using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace VaccineRef.Core;

/// <summary>
/// Ranks that are threads of this process: what a program of several processes computes can be tried without any
/// launcher.
/// </summary>
public sealed class LocalRanks
{
    private readonly object _gate = new();
    private readonly byte[][] _parts;
    private int _arrived, _round, _lost = -1;

    private LocalRanks(int size) => _parts = new byte[size][];

    /// <summary>Runs something on every rank, each on a thread of its own, and returns when all have ended.</summary>
    /// <param name="size">How many ranks.</param>
    /// <param name="body">What each of them does.</param>
    /// <exception cref="Exception">What the first rank threw that did not only lose another one.</exception>
    public static void Run(int size, Action<ICommunicator> body)
    {
        var ranks = new LocalRanks(size);
        var errors = new Exception?[size];
        Thread[] threads = [.. Enumerable.Range(0, size).Select(rank => new Thread(() =>
        {
            try
            {
                body(new Member(ranks, rank));
            }
            catch (Exception error)
            {
                errors[rank] = error;
                ranks.Lose(rank);
            }
        }))];
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        if ((errors.FirstOrDefault(error => error is not null and not RankLostException)
            ?? errors.OfType<Exception>().FirstOrDefault()) is { } first)
            ExceptionDispatchInfo.Throw(first);
    }

    private void Lose(int rank)
    {
        lock (_gate)
        {
            _lost = _lost < 0 ? rank : _lost;
            Monitor.PulseAll(_gate);
        }
    }

    private void Meet()
    {
        lock (_gate)
        {
            int round = _round;
            if (++_arrived == _parts.Length)
            {
                (_arrived, _round) = (0, _round + 1);
                Monitor.PulseAll(_gate);
            }

            while (round == _round)
            {
                if (_lost >= 0)
                    throw new RankLostException(_lost);
                Monitor.Wait(_gate);
            }
        }
    }

    private sealed class Member(LocalRanks ranks, int rank) : ICommunicator
    {
        public int Rank => rank;

        public int Size => ranks._parts.Length;

        public void Gather(ReadOnlySpan<byte> own, Span<byte> all, int root)
        {
            ranks._parts[rank] = own.ToArray();
            ranks.Meet();
            if (rank == root)
                for (int from = 0, at = 0; from < Size; at += ranks._parts[from++].Length)
                    ranks._parts[from].CopyTo(all[at..]);
            ranks.Meet();
        }

        public void Broadcast(Span<byte> data, int root)
        {
            if (rank == root)
                ranks._parts[root] = data.ToArray();
            ranks.Meet();
            if (rank != root)
                ranks._parts[root].CopyTo(data);
            ranks.Meet();
        }

        public void Sum(Span<float> values) => Add(values);

        public void Sum(Span<double> values) => Add(values);

        public void Barrier() => ranks.Meet();

        // from the last rank to the first: a caller that relies on an order that nobody promises is found out
        private void Add<T>(Span<T> values) where T : unmanaged, IAdditionOperators<T, T, T>, IAdditiveIdentity<T, T>
        {
            ranks._parts[rank] = MemoryMarshal.AsBytes(values).ToArray();
            ranks.Meet();
            ranks._parts[^1].CopyTo(MemoryMarshal.AsBytes(values));
            for (int from = Size - 2; from >= 0; from--)
                TensorPrimitives.Add(values, MemoryMarshal.Cast<byte, T>(ranks._parts[from]), values);
            ranks.Meet();
        }
    }
}

/// <summary>Another rank has ended, so that this one would wait for ever.</summary>
/// <param name="rank">The rank that has ended.</param>
public sealed class RankLostException(int rank) : Exception($"rank {rank} has ended while the others waited for it")
{
    /// <summary>The rank that has ended.</summary>
    public int Rank { get; } = rank;
}
