namespace VaccineRef.Core.Tests;

public sealed unsafe class ArenaTests : IDisposable
{
    private readonly CpuDevice _device = new(1);

    public void Dispose() => _device.Dispose();

    [Property]
    public void Views_are_aligned_and_do_not_overlap(PositiveInt[] counts)
    {
        using var arena = new Arena(_device);
        var views = counts.Select(count => arena.Allocate<float>(new(3, count.Get))).ToArray();
        for (int i = 0; i < views.Length; i++)
        {
            Assert.Equal(0, (nint)views[i].Address % HostBuffer.Alignment);
            views[i].Span.Fill(i);
        }

        for (int i = 0; i < views.Length; i++)
            Assert.False(views[i].Span.ContainsAnyExcept(i));
    }

    [Fact]
    public void What_is_given_back_goes_to_the_next_of_its_size_until_the_rewind()
    {
        using var arena = new Arena(_device);
        View<float> first = arena.Allocate<float>(new(5, 7)), second = arena.Allocate<float>(new(5, 8));
        long used = arena.InUse;
        arena.Free(first);
        arena.Free(second);
        Assert.True(arena.Allocate<float>(new(5, 7)).Address == second.Address);          // both take three lines
        Assert.True(arena.Allocate<double>(new(3, 6)).Address == (double*)first.Address);
        Assert.Equal((used, used), (arena.InUse, arena.Peak));
        arena.Free(first);
        Assert.False(arena.Allocate<float>(new(5, 12)).Address == first.Address);
        arena.Rewind();
        Assert.True(arena.Allocate<float>(new(5, 7)).Address == first.Address);
        Assert.False(arena.Allocate<float>(new(5, 7)).Address == first.Address);
    }

    [Property]
    public void From_the_second_time_on_nothing_more_is_taken(PositiveInt[] counts)
    {
        using var arena = new Arena(_device);
        void Fill()
        {
            foreach (var count in counts)
                arena.Allocate<double>(new(100, count.Get));
        }

        Fill();
        long peak = arena.Peak;
        arena.Rewind();
        long reserved = arena.Reserved;
        for (int time = 0; time < 3; time++)
        {
            Assert.Equal(0, arena.InUse);
            Fill();
            Assert.Equal(peak, arena.InUse);
            arena.Rewind();
        }

        Assert.Equal((peak, reserved), (arena.Peak, arena.Reserved));
    }

    /// <summary>A model of many gigabytes must not ask for twice its size. Memory that nobody touches costs nothing here.</summary>
    [Fact]
    public void Of_much_little_is_reserved_in_vain()
    {
        const long Block = 1L << 29;
        using var arena = new Arena(_device);
        for (int i = 0; i < 12; i++)
        {
            foreach (int rows in (int[])[1 << 12, 300 << 10, 30 << 10])         // 4, 300 and 30 MiB
                arena.Allocate<byte>(new(rows, 1 << 10));
            Assert.InRange(arena.Reserved, arena.InUse, arena.InUse + Block + (arena.InUse / 10));
        }

        long total = arena.Reserved;
        Assert.Equal(12 * 334L << 20, arena.InUse);
        Assert.True(total < arena.InUse * 1.2);
    }

    [Fact]
    public void Clearing_clears_what_was_used_before()
    {
        using var arena = new Arena(_device);
        arena.Allocate<float>(new(5, 7)).Span.Fill(3);
        arena.Rewind();
        Assert.False(arena.Allocate<float>(new(5, 7), clear: true).Span.ContainsAnyExcept(0f));
    }

    [Fact]
    public void A_row_that_is_not_there_is_refused()
    {
        using var arena = new Arena(_device);
        var view = arena.Allocate<float>(new(2, 3), clear: true);
        Assert.Equal(3, view.Row(1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => view.Row(2));
        Assert.Throws<ArgumentOutOfRangeException>(() => view.Row(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => default(View<float>).Row(0));
    }

    [Fact]
    public void What_a_disposed_arena_held_cannot_be_read_and_nothing_more_is_taken_from_it()
    {
        var arena = new Arena(_device);
        var view = arena.Allocate<float>(new(2, 3), clear: true);
        arena.Dispose();
        arena.Dispose();                                                          // twice is as good as once
        Assert.Throws<ObjectDisposedException>(() => view.Span.Length);
        Assert.Throws<ObjectDisposedException>(() => view.Row(0).Length);
        Assert.Throws<ObjectDisposedException>(() => arena.Allocate<float>(new(1, 1)));
    }

    [Fact]
    public void Nothing_takes_nothing()
    {
        using var arena = new Arena(_device);
        var view = arena.Allocate<float>(new(0, 7));
        Assert.Equal(0, arena.InUse);
        Assert.True(view.Span.IsEmpty);
    }
}
