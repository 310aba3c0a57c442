using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// The data beside the batches. Where the micro-batches of a step are divided among ranks, each takes the batch that it
/// would take if there were no other ranks: one for each micro-batch.
/// </summary>
/// <param name="streams">The streams, by name.</param>
internal sealed class StepStreams(IReadOnlyDictionary<string, BatchStream> streams)
{
    // the number of each stream's batch that belongs to the first micro-batch
    private readonly Dictionary<string, long> _taken = [];

    /// <summary>The streams, by name.</summary>
    public IReadOnlyDictionary<string, BatchStream> All => streams;

    /// <summary>The streams of which micro-batches of this step took batches.</summary>
    public IReadOnlyCollection<string> Taken => _taken.Keys;

    /// <summary>Begins a step.</summary>
    public void Begin() => _taken.Clear();

    /// <summary>A stream.</summary>
    /// <exception cref="InputException">There is no such stream.</exception>
    public BatchStream Require(string stream) => streams.TryGetValue(stream, out var batches)
        ? batches
        : throw new InputException(
            "the gradient rule needs data that it was not given", "streams", string.Join(", ", streams.Keys), stream,
            $"give a stream of the name \"{stream}\"");

    /// <summary>The batch of a stream that belongs to a micro-batch of this step.</summary>
    public PackedBatch At(string stream, int microBatch)
    {
        var batches = Require(stream);
        _taken.TryAdd(stream, batches.Number);
        batches.SkipTo(_taken[stream] + microBatch);
        return batches.Next();
    }

    /// <summary>
    /// Leaves streams where they are when each micro-batch of the step has taken one batch, on whatever rank.
    /// </summary>
    public void End(int microBatches, IEnumerable<string> taken)
    {
        foreach (string name in taken)
            Require(name).SkipTo(_taken.GetValueOrDefault(name, Require(name).Number) + microBatches);
    }
}
