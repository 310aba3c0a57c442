using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Training;

/// <summary>How much the alignment loss rises where the embeddings move, against the definition.</summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 15)]
public sealed class SharpnessLaws
{
    // Two losses of doubles whose embeddings differ in their last bits.
    private const double Rounding = 1e-11;

    /// <summary>
    /// The definition, written with arrays: eps is as long as the share of ||e||, and lies along the gradient.
    /// </summary>
    [Property]
    public void It_is_the_rise_of_the_loss_where_the_embeddings_moved(TinyModel tiny)
    {
        double share = 0.01 + (0.5 * tiny.Random.At("share").Uniform(0));
        using var run = new TinyRun<double>(tiny);
        var (hidden, slopes) = Sites(run);
        double factor = share * Norm(hidden) / (Norm(slopes) + Perturbation<double>.Guard);
        double expected = run.Loss(new Move(slopes, factor)) - run.Loss();
        Assert.Equal(
            expected, Sharpness.Of(run.Network, [run.Batch], share, run.Device), Rounding * (1 + Math.Abs(expected)));
    }

    /// <summary>
    /// At a small radius it is the radius times the slope, and the slope is known from differences of the loss alone.
    /// </summary>
    [Property]
    public void At_a_small_radius_it_is_the_slope_of_the_loss(TinyModel tiny)
    {
        const double small = 1e-6;
        using var run = new TinyRun<double>(tiny);
        var (hidden, slopes) = Sites(run);
        double shortened = Norm(slopes) / (Norm(slopes) + Perturbation<double>.Guard);
        double slope = Numbers.Slope(t => run.Loss(new Move(slopes, t / Norm(slopes)))) * Norm(hidden) * shortened;
        double Rise(int times) => Sharpness.Of(run.Network, [run.Batch], times * small, run.Device);
        // s(h) = h slope + h^2 c + h^3 d + .., so that this is the slope but for h^3 / 4 times the fourth derivative;
        // rounding is 5e6 times 1e-14
        double found = ((18 * Rise(1)) - (9 * Rise(2)) + (2 * Rise(3))) / (6 * small);
        Assert.Equal(slope, found, Numbers.SlopeTolerance * (1 + Norm(hidden)));
    }

    [Property]
    public void Every_token_counts_the_same_whatever_the_batches(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        PackedBatch[] parts = [.. tiny.Sequences.Select(sequence => PackedBatch.Pack([sequence]))
            .Where(batch => batch.Counted > 0)];
        double expected = parts.Sum(part => part.Counted * Sharpness.Of(run.Network, [part], 0.1, run.Device)) / parts
            .Sum(part => part.Counted);
        Assert.Equal(expected, Sharpness.Of(run.Network, parts, 0.1, run.Device), Rounding * (1 + Math.Abs(expected)));
    }

    /// <summary>The hidden embeddings that the loss depends on, and its gradients in them, layer by layer.</summary>
    private static (double[][] Hidden, double[][] Slopes) Sites(TinyRun<double> run)
    {
        var record = new Record<double>(SiteKind.AttentionOutput);
        var loss = run.Objective.Loss(new Pass<double>(run.State.Tape, record), run.Batch);
        var gradients = run.State.Tape.Backward(loss, record.Hidden);
        Tensor<double>[] sites = [.. record.Hidden];
        double[][] hidden = [.. sites.Select(site => TinyRun<double>.Values(site.Value))],
            slopes = [.. sites.Select(site => TinyRun<double>.Values(gradients[site]))];
        run.State.Tape.Clear();
        return (hidden, slopes);
    }

    private static double Norm(double[][] parts) => Math.Sqrt(parts.Sum(part => part.Dot(part)));
}
