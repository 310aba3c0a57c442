using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace VaccineRef.Core;

/// <summary>
/// One persistent team of threads. A loop forks in about a microsecond, because idle workers spin briefly before they
/// park; indices are handed out one by one to whoever is free; the caller takes part and never waits for a worker
/// that did not come in time. Work is cut without regard to the number of threads, so results are the same bits for
/// one thread and for many.
/// </summary>
/// <remarks>
/// A loop started while another runs (from inside a body, or from a second thread) runs inline on its own thread:
/// nothing ever queues, so nothing can deadlock. The threads are background threads: a team that was never disposed
/// does not hold the process.
/// </remarks>
public sealed unsafe class Workers : IDisposable
{
    private const int Open = 1 << 30;                                       // bit of _gate; below it: workers inside
    private static readonly long SpinTicks = Stopwatch.Frequency / 20_000;  // 50 us: as long as waking a thread

    private readonly Thread[] _threads;
    private readonly object _parking = new();
    private readonly RentedMemoryPool _scratch;

    private delegate*<void*, int, void> _run;   // the loop under way: valid while _gate is open or somebody is inside
    private void* _body;
    private int _count;
    private long _next;                             // long: increments beyond a count near int.MaxValue must not wrap
    private ExceptionDispatchInfo? _error;

    private int _gate;
    private int _busy;
    private int _parked;
    private volatile bool _stopped;

    /// <summary>Starts a team of <paramref name="threads"/>, the caller of each loop included.</summary>
    /// <param name="threads">At least 1; 1 starts nothing and makes every loop a plain loop.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="threads"/> is below 1.</exception>
    public Workers(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        _scratch = new RentedMemoryPool(threads + 1);
        _threads = new Thread[threads - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            _threads[i] = new Thread(Serve) { IsBackground = true, Name = $"worker {i + 1}" };
            _threads[i].Start();
        }
    }

    /// <summary>How many threads a loop may use, the caller included.</summary>
    public int Threads => _threads.Length + 1;

    /// <summary>body(i) for every i in [0, count), each once, in no fixed order.</summary>
    /// <param name="count">How many indices; 0 does nothing.</param>
    /// <param name="body">The work. If it throws, indices not yet begun are dropped and the first exception is
    /// rethrown here.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative.</exception>
    /// <exception cref="ObjectDisposedException">The team was disposed.</exception>
    public void For(int count, Action<int> body) => Run(count, new Each(body));

    /// <summary>body(start, end) over consecutive blocks of [0, count), each <paramref name="block"/> long but the
    /// last.</summary>
    /// <param name="count">Length of the whole range; 0 does nothing.</param>
    /// <param name="block">Length of a block, at least 1. Choose it from the problem, never from <see
    /// cref="Threads"/>.</param>
    /// <param name="body">The work on [start, end).</param>
    /// <inheritdoc cref="For" path="/exception"/>
    public void Blocks(int count, int block, Action<int, int> body)
    {
        Run(BlockCount(count, block), new Range(body, count, block));
    }

    /// <summary>
    /// The sum of partial(start, end) over the blocks of [0, count), added by a pairwise tree whose form depends on
    /// the number of blocks alone: the same bits for any number of threads. With n blocks the additions lose at most
    /// log2(n) roundings.
    /// </summary>
    /// <param name="count">Length of the whole range; the sum over 0 is 0.</param>
    /// <param name="block">Length of a block, at least 1. Choose it from the problem, never from <see
    /// cref="Threads"/>.</param>
    /// <param name="partial">The sum over [start, end).</param>
    /// <inheritdoc cref="For" path="/exception"/>
    public double Sum(int count, int block, Func<int, int, double> partial)
    {
        int blocks = BlockCount(count, block);
        using var scratch = Rent((long)blocks * sizeof(double));
        var partials = new Span<double>(scratch.Start, blocks);
        Run(blocks, new Partial(partial, count, block, (double*)scratch.Start));
        return Tree(partials);
    }

    /// <summary>As <see cref="For"/>, for a body that is a struct: allocates nothing at all.</summary>
    /// <typeparam name="TBody">The body's type. Each loop works on one copy of it, shared by the threads.</typeparam>
    /// <inheritdoc cref="For"/>
    public void Run<TBody>(int count, in TBody body) where TBody : struct, ILoopBody
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ObjectDisposedException.ThrowIf(_stopped, this);
        var local = body;   // on this stack, where the garbage collector never moves it
        if (count <= 1 || _threads.Length == 0 || Interlocked.CompareExchange(ref _busy, 1, 0) != 0)
        {
            for (int i = 0; i < count; i++)
                local.Run(i);
            return;
        }

        _run = &Invoke<TBody>;
        _body = Unsafe.AsPointer(ref local);
        _count = count;
        _next = 0;
        Interlocked.Or(ref _gate, Open);            // full fence: whoever comes in sees the four lines above
        if (Volatile.Read(ref _parked) > 0)
            Wake();
        Drain();
        for (var spin = new SpinWait(); Volatile.Read(ref _gate) != 0;)
            spin.SpinOnce(sleep1Threshold: -1);

        var error = _error;
        _error = null;
        Volatile.Write(ref _busy, 0);
        error?.Throw();
    }

    /// <summary>
    /// Lends uninitialised memory, 64-byte aligned, kept for the next loan when the <see cref="RentedMemory"/> is
    /// disposed: in a steady state nothing is allocated. Any thread may rent.
    /// </summary>
    /// <param name="bytes">How many bytes; 0 is legal.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="bytes"/> is negative or beyond one
    /// array.</exception>
    public RentedMemory Rent(long bytes) => _scratch.Rent(bytes);

    /// <summary>Stops the threads. A loop under way is finished by its caller; a later loop throws.</summary>
    public void Dispose()
    {
        _stopped = true;
        Wake();
        foreach (var thread in _threads)
        {
            if (thread != Thread.CurrentThread)
                thread.Join();
        }
    }

    // A worker's life: come in through the open gate, take indices until none is left, leave.
    private void Serve()
    {
        while (Enter())
        {
            Drain();
            Interlocked.Decrement(ref _gate);
        }
    }

    // Spins, then parks, until this thread is counted inside (true) or the team has stopped (false).
    private bool Enter()
    {
        for (long began = Stopwatch.GetTimestamp(); !_stopped;)
        {
            int gate = Volatile.Read(ref _gate);
            if ((gate & Open) != 0)
            {
                if (Interlocked.CompareExchange(ref _gate, gate + 1, gate) == gate)
                    return true;
            }
            else if (Stopwatch.GetTimestamp() - began > SpinTicks)
            {
                Park();
                began = Stopwatch.GetTimestamp();
            }
            else
            {
                Thread.SpinWait(4);
            }
        }
        return false;
    }

    // The increment and the look at the gate stand in the opposite order of Run's opening and its look at _parked,
    // with full fences between: one of the two sees the other, so no worker sleeps through a loop that saw nobody
    // parked.
    private void Park()
    {
        lock (_parking)
        {
            Interlocked.Increment(ref _parked);
            while ((Volatile.Read(ref _gate) & Open) == 0 && !_stopped)
                Monitor.Wait(_parking);
            Interlocked.Decrement(ref _parked);
        }
    }

    private void Wake()
    {
        lock (_parking)
            Monitor.PulseAll(_parking);
    }

    // Whoever finds no index left closes the gate, so that nobody comes in for nothing.
    private void Drain()
    {
        try
        {
            for (long i; (i = Interlocked.Increment(ref _next) - 1) < _count;)
                _run(_body, (int)i);
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _error, ExceptionDispatchInfo.Capture(e), null);
            Interlocked.Exchange(ref _next, _count);
        }
        Interlocked.And(ref _gate, ~Open);
    }

    private static void Invoke<TBody>(void* body, int index) where TBody : struct, ILoopBody
    {
        Unsafe.AsRef<TBody>(body).Run(index);
    }

    private static int BlockCount(int count, int block)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfLessThan(block, 1);
        return (int)(((long)count + block - 1) / block);
    }

    private static double Tree(ReadOnlySpan<double> x) => x.Length switch
    {
        0 => 0,
        1 => x[0],
        var n => Tree(x[..(n / 2)]) + Tree(x[(n / 2)..]),
    };

    private readonly record struct Each(Action<int> Body) : ILoopBody
    {
        public void Run(int index) => Body(index);
    }

    private readonly record struct Range(Action<int, int> Body, int Count, int Block) : ILoopBody
    {
        public void Run(int index) => Body(index * Block, (int)Math.Min((long)(index + 1) * Block, Count));
    }

    private readonly struct Partial(Func<int, int, double> partial, int count, int block, double* sums) : ILoopBody
    {
        public void Run(int index) =>
            sums[index] = partial(index * block, (int)Math.Min((long)(index + 1) * block, count));
    }
}
