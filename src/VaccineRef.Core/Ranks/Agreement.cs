using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace VaccineRef.Core;

/// <summary>
/// What ranks find out about each other. Where something goes wrong on one rank, it goes wrong on every rank, in the
/// same call and for the same reason: nobody is left waiting, and all end alike.
/// </summary>
public static class Agreement
{
    private const string Mark = "agreed among the ranks";

    // how a rank's part begins
    private const byte Done = 0, WrongInput = 1, NotFinite = 2, Cancelled = 3, Failed = 4;

    /// <summary>Whether every rank throws this, or one that says the same.</summary>
    public static bool IsAgreed(this Exception error) => error.Data.Contains(Mark);

    /// <summary>Does something on every rank, and waits until all have done it.</summary>
    /// <inheritdoc cref="Share" path="/exception"/>
    public static void Agree(this ICommunicator ranks, Action own) => ranks.Share(() =>
    {
        own();
        return [];
    });

    /// <summary>Whether something holds on any rank.</summary>
    public static bool Any(this ICommunicator ranks, bool own) =>
        ranks.Size == 1 ? own : ranks.Share(() => [own ? (byte)1 : (byte)0]).Any(part => part[0] != 0);

    /// <summary>Requires that something is the same on every rank.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="what">What is wrong if it is not, as one sentence without a full stop.</param>
    /// <param name="own">What this rank has.</param>
    /// <exception cref="InputException">Another rank has something else. The message names it.</exception>
    public static void RequireSame(this ICommunicator ranks, string what, string own)
    {
        string[] all = [.. ranks.Share(() => Encoding.UTF8.GetBytes(own)).Select(Encoding.UTF8.GetString)];
        if (Array.FindIndex(all, each => each != all[0]) is > 0 and var other)
            ranks.Agree(() => throw new InputException(
                what, $"rank {other}", all[other], $"as rank 0 has: {all[0]}",
                "the same files, options and program on every machine"));
    }

    /// <summary>Computes items one by one, each on one rank, and gives every rank all of them in their order.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="count">How many items.</param>
    /// <param name="item">Computes an item.</param>
    /// <inheritdoc cref="Share" path="/exception"/>
    public static byte[][] Divide(this ICommunicator ranks, int count, Func<int, byte[]> item)
    {
        byte[][] parts = ranks.Share(() =>
        {
            using var own = new MemoryStream();
            using var writer = new BinaryWriter(own);
            for (int i = ranks.Rank; i < count; i += ranks.Size)
            {
                byte[] bytes = item(i);
                writer.Write(bytes.Length);
                writer.Write(bytes);
            }

            return own.ToArray();
        });
        BinaryReader[] readers = [.. parts.Select(part => new BinaryReader(new MemoryStream(part)))];
        return [.. Enumerable.Range(0, count).Select(i => readers[i % ranks.Size])
            .Select(reader => reader.ReadBytes(reader.ReadInt32()))];
    }

    /// <summary>Computes a part on every rank, and gives every rank all parts in the order of the ranks.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="own">Computes the part of this rank.</param>
    /// <exception cref="InputException">
    /// A rank found wrong input; the message names the rank where it is another one.
    /// </exception>
    /// <exception cref="NonFiniteException">A rank found a number that is not finite.</exception>
    /// <exception cref="OperationCanceledException">A rank was cancelled.</exception>
    /// <exception cref="RankFailedException">Something else went wrong on another rank.</exception>
    public static byte[][] Share(this ICommunicator ranks, Func<byte[]> own)
    {
        if (ranks.Size == 1)
            return [own()];
        byte[] part;
        Exception? error = null;
        try
        {
            part = [Done, .. own()];
        }
        catch (Exception caught)
        {
            (error, part) = (caught, Said(caught));
        }

        byte[][] all = ranks.Exchange(part);
        int first = Array.FindIndex(all, each => each[0] == Cancelled);
        if (first < 0)
            first = Array.FindIndex(all, each => each[0] != Done);
        if (first < 0)
            return [.. all.Select(each => each[1..])];
        var agreed = first == ranks.Rank ? error! : Meant(first, all[first]);
        agreed.Data[Mark] = true;
        if (first == ranks.Rank)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(agreed);
        throw agreed;
    }

    private static byte[][] Exchange(this ICommunicator ranks, byte[] own)
    {
        byte[] lengths = new byte[sizeof(int) * ranks.Size], length = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, own.Length);
        ranks.GatherEverywhere(length, lengths);
        int[] all = [.. Enumerable.Range(0, ranks.Size)
            .Select(i => BinaryPrimitives.ReadInt32LittleEndian(lengths.AsSpan(i * sizeof(int))))];
        int most = all.Max();
        byte[] padded = new byte[most], parts = new byte[checked(most * ranks.Size)];
        own.CopyTo(padded, 0);
        ranks.GatherEverywhere(padded, parts);
        return [.. all.Select((bytes, i) => parts.AsSpan(i * most, bytes).ToArray())];
    }

    private static void GatherEverywhere(this ICommunicator ranks, byte[] own, byte[] all)
    {
        ranks.Gather(own, all, 0);
        ranks.Broadcast(all, 0);
    }

    private static byte[] Said(Exception error)
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write(error switch
        {
            InputException => WrongInput,
            NonFiniteException => NotFinite,
            OperationCanceledException => Cancelled,
            _ => Failed,
        });
        writer.Write(error.Message);
        if (error is NonFiniteException found)
        {
            writer.Write(found.What);
            writer.Write(found.Step);
            writer.Write(found.First is not null);
            writer.Write(found.First ?? "");
            writer.Write(found.Batch.Count);
            foreach (string id in found.Batch)
                writer.Write(id);
        }

        return bytes.ToArray();
    }

    private static Exception Meant(int rank, byte[] said)
    {
        using var reader = new BinaryReader(new MemoryStream(said));
        byte kind = reader.ReadByte();
        string message = reader.ReadString();
        return kind switch
        {
            WrongInput => new InputException(string.Create(CultureInfo.InvariantCulture, $"on rank {rank}: {message}")),
            NotFinite => Found(reader),
            Cancelled => new OperationCanceledException(),
            _ => new RankFailedException(rank, message),
        };
    }

    private static NonFiniteException Found(BinaryReader reader)
    {
        string what = reader.ReadString();
        long step = reader.ReadInt64();
        bool isKnown = reader.ReadBoolean();
        string first = reader.ReadString();
        return new(
            what, step, isKnown ? first : null,
            [.. Enumerable.Range(0, reader.ReadInt32()).Select(_ => reader.ReadString())]);
    }
}

/// <summary>Something went wrong on another rank, and ends this one too.</summary>
/// <param name="rank">The rank.</param>
/// <param name="message">What it said.</param>
public sealed class RankFailedException(int rank, string message) : Exception($"rank {rank} failed: {message}")
{
    /// <summary>The rank on which it went wrong.</summary>
    public int Rank { get; } = rank;
}
