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

    /// <summary>
    /// A model of many gigabytes must not ask for twice its size. Memory that nobody touches costs nothing here.
    /// </summary>
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
    public void A_view_beyond_its_memory_is_refused()
    {
        using var arena = new Arena(_device);
        var view = arena.Allocate<float>(new(2, 3), clear: true);
        using var buffer = _device.Reserve(64);
        Assert.Equal(16, new View<float>(buffer, 0, new(4, 4)).Span.Length);
        (long Offset, Shape Shape)[] outside =
        [
            (1, new(4, 4)), (17, new(0, 0)), (-1, new(1, 1)), (0, new(-1, -1)), (long.MaxValue, new(1, 1)),
            (0, new(int.MaxValue, int.MaxValue)),
        ];
        foreach (var (offset, shape) in outside)
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => new View<float>(buffer, offset, shape));
            Assert.Throws<ArgumentOutOfRangeException>(() => view.Slice(offset, shape));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => view.As(new(2, 4)));
        Assert.Throws<ArgumentOutOfRangeException>(() => view.SliceRows(1, 2));
        Assert.Equal(3, view.SliceRows(1, 1).Span.Length);
        Assert.True(default(View<float>).SliceRows(0, 1).IsEmpty);
    }

    /// <summary>A kernel that reads freed memory would read what others have put there, or end the process.</summary>
    [Fact]
    public void A_device_refuses_memory_that_is_freed_or_is_not_its_own()
    {
        using var gpu = Gpu.Devices.Open(Gpu.Devices.Simulator);
        using Arena here = new(_device), there = new(gpu);
        var mine = here.Allocate<float>(new(2, 3), clear: true);
        var other = there.Allocate<float>(new(2, 3), clear: true);
        var freed = Freed(_device);
        using var tape = new Tape<float>(_device);
        Assert.Throws<ObjectDisposedException>(() => tape.Apply(new Kernels.Scale<float>(2), [tape.Constant(freed)]));
        Assert.Throws<ObjectDisposedException>(() => _device.Run(new Kernels.SquaredNorm<float>(), mine, freed));
        Assert.Throws<ObjectDisposedException>(() => _device.Clear(freed));
        Assert.Throws<ObjectDisposedException>(() => _device.Copy(mine, freed));
        Assert.Throws<InvalidOperationException>(() => tape.Apply(new Kernels.Scale<float>(2), [tape.Constant(other)]));
        Assert.Throws<InvalidOperationException>(() => gpu.Run(new Kernels.SquaredNorm<float>(), mine));
        Assert.Throws<ObjectDisposedException>(() => gpu.Run(new Kernels.SquaredNorm<float>(), Freed(gpu)));

        static View<float> Freed(Device device)
        {
            using var arena = new Arena(device);
            return arena.Allocate<float>(new(2, 3), clear: true);
        }
    }

    [Fact]
    public void A_parameter_is_made_of_a_name_its_sizes_and_its_values()
    {
        using var arena = new Arena(_device);
        var matrix = Parameter.Make<float>(arena, "w", [2, 3], [1, 2, 3, 4, 5, 6]);
        Assert.Equal(("w", new Shape(2, 3), false), (matrix.Name, matrix.Shape, matrix.IsTrainable));
        Assert.Equal([4, 5, 6], matrix.Value.Row(1).ToArray());
        Assert.Equal([2, 3], matrix.Dimensions);
        var vector = Parameter.Make<float>(arena, "b", [3]);
        Assert.Equal([0, 0, 0], vector.Value.Span.ToArray());
        Assert.Equal(new Shape(1, 3), vector.Shape);
        Assert.Contains(
            "expected: 6", Assert.Throws<InputException>(() => Parameter.Make<float>(arena, "w", [2, 3], [1])).Message);
        foreach (int[] wrong in (int[][])[[], [1, 2, 3], [0], [2, -1]])
            Assert.Throws<InputException>(() => Parameter.Make<float>(arena, "w", wrong));
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
