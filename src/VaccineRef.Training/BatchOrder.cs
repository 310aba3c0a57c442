using System.Collections;
using VaccineRef.Core;

namespace VaccineRef.Training;

/// <summary>Which examples the micro-batches of each step hold. The last step of an epoch gets what is left.</summary>
/// <param name="options">The stage's settings.</param>
/// <param name="examples">How many examples there are.</param>
/// <param name="steps">How many steps are taken.</param>
public sealed class BatchOrder(TrainOptions options, int examples, int steps)
    : IEnumerable<(int Epoch, int[][] Batches)>
{
    /// <inheritdoc/>
    public IEnumerator<(int Epoch, int[][] Batches)> GetEnumerator()
    {
        var order = RandomStream.FromSeed(options.Seed).At("order");
        for (int epoch = 1, step = 0; step < steps; epoch++)
        {
            int[] index = [.. Enumerable.Range(0, examples)];
            if (options.Shuffle)
                order.At(epoch).Shuffle<int>(index);
            foreach (int[][] batches in index.Chunk(options.BatchSize).Chunk(options.Accumulation))
            {
                if (step++ == steps)
                    yield break;
                yield return (epoch, batches);
            }
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
