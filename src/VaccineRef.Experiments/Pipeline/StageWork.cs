using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>The work of a training stage, known from its data and settings before anything is computed.</summary>
/// <param name="Steps">Optimizer steps.</param>
/// <param name="Tokens">Tokens of all steps together.</param>
/// <param name="Largest">The sequences of the micro-batch with the most tokens.</param>
internal sealed record StageWork(int Steps, long Tokens, IReadOnlyList<TokenSequence> Largest)
{
    // The batches of so many steps are looked at one by one; the rest of a longer stage is like them.
    private const int MostSteps = 20_000;

    /// <summary>Goes through the batches as the trainer will.</summary>
    public static StageWork Of(TrainOptions options, IReadOnlyList<TokenSequence> data)
    {
        int steps = options.Steps(data.Count), seen = Math.Min(steps, MostSteps);
        long tokens = 0, most = 0;
        int[] largest = [];
        foreach (int[] batch in new BatchOrder(options, data.Count, seen).SelectMany(step => step.Batches))
        {
            long rows = batch.Sum(i => (long)data[i].Tokens.Length);
            tokens += rows;
            if (rows > most)
                (most, largest) = (rows, batch);
        }

        return new(steps, (long)(tokens * ((double)steps / seen)), [.. largest.Select(i => data[i])]);
    }
}
