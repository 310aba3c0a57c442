using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Verification.Conform;

/// <summary>The batches of a case: three sequences of up to ten tokens, a prompt of each not counted.</summary>
internal static class KitBatches
{
    private const int Rows = 3, Length = 10, FirstToken = 3;

    /// <summary>Ids, labels and mask of every batch.</summary>
    public static IReadOnlyList<TensorData> Draw(KitCase kitCase, int vocabulary, RandomStream random)
    {
        List<TensorData> tensors = [];
        foreach (string name in kitCase.Settings.Steps.SelectMany(step => step).Distinct())
        {
            var (ids, labels, mask) = Batch(kitCase, vocabulary, random.At(name));
            foreach (var (part, values) in new[] { ("input_ids", ids), ("labels", labels), ("attention_mask", mask) })
                tensors.Add(TensorData.Integers($"{name}.{part}", TensorType.I64, [Rows, Length], values));
        }

        return tensors;
    }

    /// <summary>
    /// Noise of variance 1 for every site and step, uniform: a port adds it and does not ask how it was drawn.
    /// </summary>
    public static IReadOnlyList<TensorData> Noise(KitCase kitCase, ModelShape shape, RandomStream random)
    {
        List<TensorData> tensors = [];
        for (int step = 1; step <= kitCase.Settings.Steps.Count; step++)
        {
            for (int layer = 0; layer < shape.Layers; layer++)
            {
                var stream = random.At(step).At(layer);
                double[] values = [.. Enumerable.Range(0, Rows * Length * shape.Hidden)
                    .Select(i => Math.Sqrt(3) * ((2 * stream.Uniform(i)) - 1))];
                tensors.Add(TensorData.Floats<double>(
                    $"s{step}/site{layer}", TensorType.F64, [Rows, Length, shape.Hidden], values));
            }
        }

        return tensors;
    }

    private static (long[] Ids, long[] Labels, long[] Mask) Batch(KitCase kitCase, int vocabulary, RandomStream random)
    {
        int padding = kitCase.Config.Contains("\"opt\"", StringComparison.Ordinal) ? 1 : 0;
        long[] ids = new long[Rows * Length], labels = new long[ids.Length], mask = new long[ids.Length];
        Array.Fill(ids, padding);
        Array.Fill(labels, PackedBatch.Ignored);
        for (int row = 0; row < Rows; row++)
        {
            var stream = random.At(row);
            int length = kitCase.Padding == PaddingSide.None
                ? Length
                : Length - stream.Below(4, 1) - (row == 1 ? 1 : 0);
            int prompt = 1 + stream.Below(3, 2), first = kitCase.Padding == PaddingSide.Left ? Length - length : 0;
            for (int t = 0; t < length; t++)
            {
                int at = (row * Length) + first + t;
                (ids[at], mask[at]) = (FirstToken + stream.Below(vocabulary - FirstToken, 10 + t), 1);
                if (t >= prompt)
                    labels[at] = ids[at];
            }
        }

        return (ids, labels, mask);
    }
}
