namespace VaccineRef.Core.Tests;

public sealed class WorkersTests
{
    private static readonly int[] TeamSizes = [1, 2, 3, 5];

    [Property]
    public void For_runs_every_index_once(ushort count)
    {
        foreach (int threads in TeamSizes)
        {
            using var workers = new Workers(threads);
            var calls = new int[count];
            workers.For(count, i => Interlocked.Increment(ref calls[i]));
            Assert.All(calls, n => Assert.Equal(1, n));
        }
    }

    [Property]
    public void Blocks_tile_the_range_whatever_the_team(ushort count, byte length)
    {
        int block = length + 1;
        foreach (int threads in TeamSizes)
        {
            using var workers = new Workers(threads);
            var ends = new int[count];
            workers.Blocks(count, block, (start, end) => ends[start] = end);
            for (int start = 0; start < count; start += block)
                Assert.Equal(Math.Min(start + block, count), ends[start]);
            Assert.Equal((count + block - 1) / block, ends.Count(end => end > 0));
        }
    }

    [Property]
    public void Sum_has_the_same_bits_for_any_team(NormalFloat[] terms, byte length)
    {
        int block = length % 7 + 1;
        double Partial(int start, int end) => terms[start..end].Sum(x => x.Get);
        var sums = TeamSizes.Select(threads =>
        {
            using var workers = new Workers(threads);
            return BitConverter.DoubleToInt64Bits(workers.Sum(terms.Length, block, Partial));
        });
        Assert.Single(sums.Distinct());
    }

    [Fact]
    public void Sum_adds_blocks_as_a_pairwise_tree()
    {
        using var workers = new Workers(2);
        double[] x = [1, 1e16, -1e16, 1, 3];    // ((1 + 1e16)) + (-1e16 + (1 + 3)): rounding tells the trees apart
        Assert.Equal(1 + 1e16 + (-1e16 + (1d + 3)), workers.Sum(5, 1, (start, _) => x[start]));
        Assert.Equal(0, workers.Sum(0, 1, (_, _) => double.NaN));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void The_first_exception_reaches_the_caller_with_its_stack_and_the_team_lives_on(int threads)
    {
        using var workers = new Workers(threads);
        var e = Assert.Throws<InvalidOperationException>(() => workers.For(100, Fail));
        Assert.Contains(nameof(Fail), e.StackTrace!, StringComparison.Ordinal);

        int calls = 0;
        workers.For(100, _ => Interlocked.Increment(ref calls));
        Assert.Equal(100, calls);

        static void Fail(int i) => throw new InvalidOperationException($"index {i}");
    }

    [Fact]
    public void A_loop_inside_a_loop_runs_inline_on_its_thread()
    {
        using var workers = new Workers(3);
        int calls = 0;
        workers.For(20, _ =>
        {
            int thread = Environment.CurrentManagedThreadId;
            workers.For(20, _ =>
            {
                Assert.Equal(thread, Environment.CurrentManagedThreadId);
                Interlocked.Increment(ref calls);
            });
        });
        Assert.Equal(400, calls);
    }

    [Fact]
    public void Callers_on_several_threads_share_one_team()
    {
        using var workers = new Workers(3);
        long total = 0;
        var callers = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            for (int n = 0; n < 500; n++)
                workers.For(n % 9, i => Interlocked.Add(ref total, i + 1));
        })).ToArray();
        foreach (var caller in callers)
            caller.Start();
        foreach (var caller in callers)
            caller.Join();
        Assert.Equal(4 * Enumerable.Range(0, 500).Sum(n => n % 9 * (n % 9 + 1) / 2), total);
    }

    [Theory]
    [InlineData(2, 0)]
    [InlineData(3, 0)]
    [InlineData(2, 300)]    // microseconds between loops: long enough to park
    public void Many_small_loops_lose_nothing(int threads, int pause)
    {
        using var workers = new Workers(threads);
        var seen = new int[8];
        int loops = pause == 0 ? 50_000 : 500;
        for (int n = 1; n <= loops; n++)
        {
            workers.For(seen.Length, i => seen[i]++);   // ordered by the fork and the join, so no atomics
            Assert.All(seen, x => Assert.Equal(n, x));
            if (pause > 0)
                Thread.Sleep(TimeSpan.FromMicroseconds(pause));
        }
    }

    [Fact]
    public void Loops_and_loans_allocate_nothing_once_warm()
    {
        using var workers = new Workers(2);
        long sum = 0;
        Action<int> body = i => Interlocked.Add(ref sum, i);
        Func<int, int, double> partial = (start, end) => end - start;
        void Once()
        {
            workers.For(16, body);
            workers.Sum(1000, 10, partial);
        }

        Once();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            Once();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Misuse_is_told()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Workers(0));
        var workers = new Workers(2);
        Assert.Throws<ArgumentOutOfRangeException>(() => workers.For(-1, _ => { }));
        Assert.Throws<ArgumentOutOfRangeException>(() => workers.Blocks(1, 0, (_, _) => { }));
        Assert.Throws<ArgumentOutOfRangeException>(() => workers.Rent(-1));
        workers.Dispose();
        workers.Dispose();
        Assert.Throws<ObjectDisposedException>(() => workers.For(2, _ => { }));
    }
}
