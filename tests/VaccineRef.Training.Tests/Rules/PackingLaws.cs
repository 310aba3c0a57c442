using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>
/// Packed rows are the padded batch without its padding: losses, gradients and perturbations are the same.
/// </summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 20)]
public sealed class PackingLaws
{
    // Two forwards and two reverses, each sum of some hundred doubles cut elsewhere, through norms of condition below
    // 1e2.
    private const double RecomputeTolerance = 1e-11;

    /// <summary>
    /// The mean over counted tokens weighs a sequence by those it has; nothing flows from one sequence to another.
    /// </summary>
    [Property]
    public void Together_is_each_sequence_alone_weighted_by_its_counted_tokens(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        double loss = 0;
        double[] gradient = new double[run.Gradient.Length];
        double[][] sites = [.. Enumerable.Range(0, tiny.Layers).Select(_ => Array.Empty<double>())];
        foreach (var sequence in tiny.Sequences)
        {
            var alone = PackedBatch.Pack([sequence]);
            if (alone.Counted == 0)
            {
                double[] none = new double[alone.Rows * tiny.Hidden];           // refused alone, and nothing together
                sites = [.. sites.Select(before => (double[])[.. before, .. none])];
                continue;
            }

            double weight = (double)alone.Counted / run.Batch.Counted;
            loss += weight * run.Loss(batch: alone);
            gradient = Numbers.Mix(1, gradient, weight, run.GradientOf(new Plain<double>(), alone));
            sites = [.. sites.Zip(
                run.SiteGradients(alone), (before, next) => (double[])[.. before, .. next.Select(g => weight * g)])];
        }

        Assert.Equal(loss, run.Loss(), RecomputeTolerance * (1 + loss));
        Close(gradient, run.GradientOf(new Plain<double>()));
        double[][] together = run.SiteGradients();
        for (int layer = 0; layer < tiny.Layers; layer++)
            Close(sites[layer], together[layer]);
    }

    /// <summary>
    /// The padded computation: padding fed as tokens without label, to one length, as a Hugging Face collator does.
    /// </summary>
    [Property]
    public void Padding_changes_no_perturbation_and_no_gradient_and_is_not_moved(TinyModel tiny, byte excess)
    {
        using var run = new TinyRun<double>(tiny);
        int length = tiny.Lengths.All.Max() + (excess % 3);
        var padded = PackedBatch.Pack([.. tiny.Sequences.Select(sequence => Pad(sequence, length))]);
        using var rule = run.Vaccine(2);
        double[] packedGradient = run.GradientOf(rule);
        double[][] packed = TinyRun<double>.Epsilon(rule);
        double[] paddedGradient = run.GradientOf(rule, padded);
        double[][] withPadding = TinyRun<double>.Epsilon(rule);
        Close(packedGradient, paddedGradient);
        int columns = packed[0].Length / run.Batch.Rows;
        for (int layer = 0; layer < tiny.Layers; layer++)
        {
            List<double> real = [];
            foreach (var (sequence, tokens) in tiny.Lengths.All.Index())
            {
                int first = sequence * length * columns, end = first + (tokens * columns);
                real.AddRange(withPadding[layer][first..end]);
                Assert.All(withPadding[layer][end..(first + (length * columns))], value => Assert.Equal(0, value));
            }

            Close(packed[layer], [.. real]);
        }
    }

    private static TokenSequence Pad(TokenSequence sequence, int length) => sequence with
    {
        Tokens = [.. sequence.Tokens, .. Enumerable.Repeat(2, length - sequence.Tokens.Length)],
        Labels = [.. sequence.Labels, .. Enumerable.Repeat(PackedBatch.Ignored, length - sequence.Labels.Length)],
    };

    private static void Close(double[] expected, double[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        Assert.InRange(Numbers.Mix(1, expected, -1, found).Norm(), 0, RecomputeTolerance * (1 + expected.Norm()));
    }
}
