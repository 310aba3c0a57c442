using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace VaccineRef.Core;

/// <summary>
/// A team of threads for parallel loops. Starting a loop takes about a microsecond, because idle threads spin for a
/// moment before they sleep. Each thread that is free takes the next index; the caller takes part in the work and never
/// waits for a thread that did not wake up in time. How the work is divided does not depend on the number of threads,
/// so that results are the same bit for bit with one thread and with many.
/// </summary>
/// <remarks>
/// A loop that is started while another one runs, from inside its body or from a second thread, runs on its own thread
/// alone. Nothing ever queues, so nothing can deadlock. The threads are background threads: a team that nobody disposed
/// does not keep the process alive.
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

    /// <summary>
    /// Starts a team of <paramref name="threads"/> threads; the caller of a loop counts as one of them.
    /// </summary>
    /// <param name="threads">At least 1. With 1 no thread is started, and every loop is an ordinary loop.</param>
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

    /// <summary>How many threads work on a loop, including its caller.</summary>
    public int Threads => _threads.Length + 1;

    /// <summary>Calls body(i) once for every i in [0, count), in any order.</summary>
    /// <param name="count">How many indices; 0 does nothing.</param>
    /// <param name="body">
    /// The work of one index. If it throws, no further index is begun, and the first exception is thrown
    /// again here.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative.</exception>
    /// <exception cref="ObjectDisposedException">The team was disposed.</exception>
    public void For(int count, Action<int> body) => Run(count, new Each(body));

    /// <summary>Calls body(start, end) for consecutive blocks of [0, count). Each block has the length
    /// <paramref name="block"/>; the last may be shorter.</summary>
    /// <param name="count">The length of the whole range; 0 does nothing.</param>
    /// <param name="block">The length of a block, at least 1. It must depend on the problem only, never on <see
    /// cref="Threads"/>, or results would change with the number of threads.</param>
    /// <param name="body">The work on [start, end).</param>
    /// <inheritdoc cref="For" path="/exception"/>
    public void Blocks(int count, int block, Action<int, int> body)
    {
        Run(BlockCount(count, block), new Range(body, count, block));
    }

    /// <summary>
    /// Adds up partial(start, end) over the blocks of [0, count). The partial sums are added pairwise, in a tree that
    /// depends on the number of blocks only, so that the result is the same bit for bit with any number of threads.
    /// With n blocks it contains at most log2(n) roundings of additions.
    /// </summary>
    /// <param name="count">The length of the whole range; the sum over an empty range is 0.</param>
    /// <param name="block">The length of a block, as for <see cref="Blocks"/>.</param>
    /// <param name="partial">Computes the sum over [start, end).</param>
    /// <inheritdoc cref="For" path="/exception"/>
    public double Sum(int count, int block, Func<int, int, double> partial)
    {
        int blocks = BlockCount(count, block);
        using var scratch = Rent((long)blocks * sizeof(double));
        var partials = new Span<double>(scratch.Start, blocks);
        Run(blocks, new Partial(partial, count, block, (double*)scratch.Start));
        return Tree(partials);
    }

    /// <summary>Like <see cref="For"/>, for a body that is a struct. Allocates nothing.</summary>
    /// <typeparam name="TBody">The body's type. All threads of a loop work on the same copy of it.</typeparam>
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
    /// Lends uninitialised memory, aligned to 64 bytes. When the <see cref="RentedMemory"/> is disposed, its memory is
    /// kept for the next loan, so that after some loops nothing is allocated any more. Any thread may rent.
    /// </summary>
    /// <param name="bytes">How many bytes are needed; may be 0.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="bytes"/> is negative or beyond one
    /// array.</exception>
    public RentedMemory Rent(long bytes) => _scratch.Rent(bytes);

    /// <summary>Stops the threads. The caller of a running loop finishes it; starting another loop throws.</summary>
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

    private static void Invoke<TBody>(void* body, int index) where TBody : struct, ILoopBody =>
        Unsafe.AsRef<TBody>(body).Run(index);

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
