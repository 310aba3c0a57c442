namespace VaccineRef.Core.Tests;

public sealed unsafe class RentedMemoryTests
{
    [Property]
    public void Loans_are_aligned_and_apart(ushort a, ushort b)
    {
        using var workers = new Workers(1);
        using var first = workers.Rent(a);
        using var second = workers.Rent(b);
        Assert.Equal(0u, (nuint)first.Start % RentedMemory.Alignment);
        Assert.Equal(0u, (nuint)second.Start % RentedMemory.Alignment);
        new Span<byte>(first.Start, a).Fill(1);
        new Span<byte>(second.Start, b).Fill(2);
        Assert.False(new Span<byte>(first.Start, a).ContainsAnyExcept((byte)1));
    }

    [Fact]
    public void Loans_of_changing_size_end_without_allocation()
    {
        using var workers = new Workers(1);
        void Once()
        {
            using var large = workers.Rent(100_000);
            using var small = workers.Rent(1_000);
        }

        workers.Rent(10).Dispose();
        workers.Rent(50_000).Dispose();
        Once();
        Once();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            Once();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
