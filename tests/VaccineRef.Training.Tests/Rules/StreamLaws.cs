using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>Data beside the batches of a stage.</summary>
public sealed class StreamLaws
{
    [Property]
    public void Every_round_has_every_example_once_in_an_order_of_its_own(byte examples, byte size, ulong seed)
    {
        int n = 1 + (examples % 9), batch = 1 + (size % 4), perRound = (n + batch - 1) / batch;
        BatchStream New(ulong of) => new(Data(n), batch, RandomStream.FromSeed(of));
        var stream = New(seed);
        string[][] rounds = [.. Enumerable.Range(0, 3).Select(_ => Round(stream, perRound))];
        Assert.All(rounds, round => Assert.Equal(Names(n), round.Order(StringComparer.Ordinal)));
        var again = New(seed);
        Assert.All(rounds, round => Assert.Equal(round, Round(again, perRound)));
    }

    [Fact]
    public void The_order_is_new_in_every_round_and_with_every_seed()
    {
        BatchStream New(ulong seed) => new(Data(9), 4, RandomStream.FromSeed(seed));
        var stream = New(1);
        string[] first = Round(stream, 3);
        Assert.NotEqual(first, Round(stream, 3));
        Assert.NotEqual(first, Round(New(2), 3));
    }

    [Fact]
    public void No_data_and_no_size_are_errors()
    {
        Assert.Throws<InputException>(() => new BatchStream([], 1, default));
        Assert.Throws<InputException>(() => new BatchStream(Data(1), 0, default));
    }

    private static string[] Round(BatchStream stream, int batches) =>
        [.. Enumerable.Range(0, batches).SelectMany(_ => stream.Next().Ids)];

    private static string[] Names(int n) => [.. Enumerable.Range(0, n).Select(i => $"example {i}")];

    private static TokenSequence[] Data(int n) => [.. Names(n).Select(name => new TokenSequence([0, 0], [0, 0], name))];
}
