using System.Globalization;
using System.Text;

namespace VaccineRef.Core.Tests;

/// <summary>Ranks as threads, and what they find out about each other.</summary>
public sealed class RankTests
{
    [Property(MaxTest = 20)]
    public void Every_call_gives_what_it_says(byte size, byte root, byte length)
    {
        int ranks = 1 + (size % 5), from = root % ranks;
        LocalRanks.Run(ranks, rank =>
        {
            byte[] own = [.. Enumerable.Repeat((byte)rank.Rank, length)], all = new byte[length * ranks];
            rank.Gather(own, all, from);
            Assert.Equal(
                rank.Rank == from
                    ? Enumerable.Range(0, all.Length).Select(i => (byte)(i / length))
                    : new byte[all.Length], all);
            byte[] data = [.. Enumerable.Repeat((byte)(rank.Rank == from ? 77 : 0), length)];
            rank.Broadcast(data, from);
            Assert.All(data, each => Assert.Equal(77, each));
            float[] floats = [rank.Rank, 1];
            double[] doubles = [rank.Rank, 1];
            rank.Sum(floats);
            rank.Sum(doubles);
            rank.Barrier();
            Assert.Equal([ranks * (ranks - 1) / 2, ranks], floats);
            Assert.Equal([ranks * (ranks - 1) / 2, ranks], doubles);
        });
    }

    [Property(MaxTest = 20)]
    public void Items_are_divided_and_come_back_in_order(byte size, byte count)
    {
        int[] done = new int[count];
        LocalRanks.Run(1 + (size % 4), rank =>
        {
            byte[][] items = rank.Divide(count, i =>
            {
                Interlocked.Increment(ref done[i]);
                return Encoding.UTF8.GetBytes(new string('x', i % 5) + i.ToString(CultureInfo.InvariantCulture));
            });
            Assert.Equal(
                Enumerable.Range(0, count).Select(i => new string('x', i % 5) + $"{i}"),
                items.Select(Encoding.UTF8.GetString));
        });
        Assert.All(done, each => Assert.Equal(1, each));
    }

    [Fact]
    public void What_goes_wrong_on_one_rank_goes_wrong_on_all()
    {
        LocalRanks.Run(3, rank =>
        {
            Exception Thrown(Func<Exception> error) => Assert.ThrowsAny<Exception>(() => rank.Agree(() =>
            {
                if (rank.Rank == 1)
                    throw error();
            }));
            var wrong = Assert.IsType<InputException>(Thrown(() => new InputException("it is wrong", "here")));
            Assert.Contains(
                rank.Rank == 1 ? "it is wrong" : "on rank 1: it is wrong", wrong.Message, StringComparison.Ordinal);
            Assert.Contains("here", wrong.Message, StringComparison.Ordinal);
            var number = new NonFiniteException("the loss", 3, null, ["a", "b"]);
            Assert.Equal(number.Message, Assert.IsType<NonFiniteException>(Thrown(() => number)).Message);
            Assert.IsType<OperationCanceledException>(Thrown(() => new OperationCanceledException()));
            var other = Thrown(() => new IOException("the disk"));
            Assert.Equal(rank.Rank == 1 ? "the disk" : "rank 1 failed: the disk", other.Message);
            Assert.True(other.IsAgreed());
            Assert.False(new IOException().IsAgreed());
        });
    }

    [Fact]
    public void What_differs_names_the_rank()
    {
        LocalRanks.Run(3, rank =>
        {
            rank.RequireSame("they differ", "a");
            var error =
                Assert.Throws<InputException>(() => rank.RequireSame("they differ", rank.Rank == 2 ? "b" : "a"));
            Assert.Contains("rank 2", error.Message, StringComparison.Ordinal);
            Assert.True(rank.Any(rank.Rank == 1));
            Assert.False(rank.Any(false));
        });
    }

    /// <summary>Nobody waits for a rank that has ended.</summary>
    [Fact]
    public void A_rank_that_ends_ends_the_others()
    {
        var lost = new List<int>();
        var error = Assert.Throws<InvalidOperationException>(() => LocalRanks.Run(3, rank =>
        {
            if (rank.Rank == 1)
                throw new InvalidOperationException("it fell over");
            int found = Assert.Throws<RankLostException>(rank.Barrier).Rank;
            lock (lost)
                lost.Add(found);
        }));
        Assert.Equal("it fell over", error.Message);
        Assert.Equal([1, 1], lost);
    }
}
