using System.Diagnostics;

namespace VaccineRef.Models;

/// <summary>How many tokens greedy decoding yields, all prompts together.</summary>
/// <param name="Prompts">Prompts that were decoded at once.</param>
/// <param name="Tokens">Tokens that followed each prompt.</param>
/// <param name="Runs">How often it was timed.</param>
/// <param name="TokensPerSecond">The median over the runs.</param>
/// <param name="Best">The fastest run.</param>
public sealed record DecodeTiming(int Prompts, int Tokens, int Runs, double TokensPerSecond, double Best)
{
    /// <summary>
    /// Decodes some times, after two seconds to warm up; prompts are single tokens, all different while the vocabulary
    /// lasts.
    /// </summary>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static DecodeTiming Of(Model<float> model, int prompts, int tokens, int runs, CancellationToken cancel)
    {
        const int WarmupSeconds = 2;           // steps of a tiny model are many before the compiler has done its best
        int[][] first = [.. Enumerable.Range(1, prompts).Select(id => new[] { id % model.Network.Shape.Vocabulary })];
        List<double> rates = [];
        long began = Stopwatch.GetTimestamp();
        while (rates.Count < runs)
        {
            long start = Stopwatch.GetTimestamp();
            Generator.Generate(model, first, new GenerationOptions(tokens), cancel: cancel);
            if (Stopwatch.GetElapsedTime(began, start).TotalSeconds >= WarmupSeconds)
                rates.Add(prompts * (double)tokens / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        rates.Sort();
        return new(prompts, tokens, runs, rates[runs / 2], rates[^1]);
    }
}
