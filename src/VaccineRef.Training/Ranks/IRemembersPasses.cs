namespace VaccineRef.Training;

/// <summary>
/// An objective that remembers something of the passes through it, in their order. On several ranks each remembers only
/// its own; what all remember is put together in the order in which one rank would have taken the passes.
/// </summary>
internal interface IRemembersPasses
{
    /// <summary>What the passes since the last call left. It is forgotten.</summary>
    byte[] Take();

    /// <summary>Remembers what passes left, here or on another rank.</summary>
    void Put(byte[] part);
}

/// <summary>What passes of a step left on one rank, with their places in the order of the step.</summary>
internal sealed class RememberedPasses
{
    private readonly List<(int Phase, int MicroBatch, byte[] Part)> _own = [];

    /// <summary>Which part of the step it is; within each, passes are in the order of the micro-batches.</summary>
    public int Phase { get; private set; }

    /// <summary>Begins a step.</summary>
    public void Begin()
    {
        Phase = 0;
        _own.Clear();
    }

    /// <summary>Begins the next part of a step, which goes through the micro-batches once more.</summary>
    public void NextPhase() => Phase++;

    /// <summary>Takes what a pass of a micro-batch left.</summary>
    public void Take(IRemembersPasses objective, int microBatch) => _own.Add((Phase, microBatch, objective.Take()));

    /// <summary>What was taken, as bytes.</summary>
    public byte[] ToBytes()
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        foreach (var (phase, microBatch, part) in _own)
        {
            writer.Write(phase);
            writer.Write(microBatch);
            writer.Write(part.Length);
            writer.Write(part);
        }

        return bytes.ToArray();
    }

    /// <summary>Gives an objective what all ranks took, in the order of the step.</summary>
    public static void Put(IRemembersPasses objective, IEnumerable<byte[]> ranks)
    {
        // a stable sort
        foreach (var (_, _, part) in ranks.SelectMany(Read).OrderBy(each => (each.Phase, each.MicroBatch)))
            objective.Put(part);
    }

    private static IEnumerable<(int Phase, int MicroBatch, byte[] Part)> Read(byte[] bytes)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes));
        while (reader.BaseStream.Position < bytes.Length)
            yield return (reader.ReadInt32(), reader.ReadInt32(), reader.ReadBytes(reader.ReadInt32()));
    }
}
