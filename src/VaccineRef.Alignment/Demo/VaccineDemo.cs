using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using VaccineRef.Core;

namespace VaccineRef.Alignment.Demo;

/// <summary>Every seed of the demo, as many at once as there are devices; devices left over share a seed's alignments.</summary>
public static class VaccineDemo
{
    /// <summary>Runs the demo and returns its cells, in the order of the seeds.</summary>
    /// <param name="settings">What to run.</param>
    /// <param name="devices">Where to run: one GPU, or the processor as often as it has threads to give.</param>
    /// <param name="progress">Told of every optimizer step, from any thread.</param>
    /// <param name="cancel">Stops after the steps under way.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static IReadOnlyList<DemoCell> Run(
        DemoSettings settings, IReadOnlyList<Device> devices, Action<DemoProgress> progress, CancellationToken cancel)
    {
        var cells = new ConcurrentDictionary<ulong, IReadOnlyList<DemoCell>>();
        var options = new ParallelOptions { MaxDegreeOfParallelism = devices.Count, CancellationToken = cancel };
        using var free = new BlockingCollection<Device>(new ConcurrentBag<Device>(devices));
        int each = Math.Max(1, devices.Count / settings.Seeds.Count);
        try
        {
            // one seed at a time per worker: Partitioner's chunks would put two seeds on one thread
            Parallel.ForEach(
                Partitioner.Create(settings.Seeds, EnumerablePartitionerOptions.NoBuffering), options,
                seed => cells[seed] = new DemoSeed(settings, seed, free, progress, cancel).Run(each));
        }
        catch (AggregateException error) when (error.InnerExceptions.Count > 0)
        {
            ExceptionDispatchInfo.Throw(error.InnerExceptions[0]);
        }

        return [.. settings.Seeds.SelectMany(seed => cells[seed])];
    }
}
