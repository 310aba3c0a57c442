using System.Collections.Concurrent;

namespace VaccineRef.Alignment.Demo;

/// <summary>Every seed of the demo, as many at once as there are threads; threads left over share a seed's alignments.</summary>
public static class VaccineDemo
{
    /// <summary>Runs the demo and returns its cells, in the order of the seeds.</summary>
    /// <param name="settings">What to run.</param>
    /// <param name="threads">Threads to use.</param>
    /// <param name="progress">Told of every optimizer step, from any of the threads.</param>
    /// <param name="cancel">Stops after the steps under way.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static IReadOnlyList<DemoCell> Run(
        DemoSettings settings, int threads, Action<DemoProgress> progress, CancellationToken cancel)
    {
        var cells = new ConcurrentDictionary<ulong, IReadOnlyList<DemoCell>>();
        var options = new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, threads), CancellationToken = cancel };
        try
        {
            // one seed at a time per worker: Partitioner's chunks would put two seeds on one thread
            Parallel.ForEach(
                Partitioner.Create(settings.Seeds, EnumerablePartitionerOptions.NoBuffering), options,
                seed => cells[seed] = new DemoSeed(settings, seed, progress, cancel).Run(Math.Max(1, threads / settings.Seeds.Count)));
        }
        catch (AggregateException error) when (error.InnerExceptions.Count > 0)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(error.InnerExceptions[0]);
        }

        return [.. settings.Seeds.SelectMany(seed => cells[seed])];
    }
}
