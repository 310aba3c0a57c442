using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>
/// What holds of this program's perturbation beside the laws of the package: which gradients it takes, which rows it
/// moves, and its ball for each sequence.
/// </summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 25)]
public sealed class PerturbationLaws
{
    // Sums of at most some thousand squares in double, in another order: n eps / 2 = 1e-12 relative, and a root
    // halves it.
    private const double ReorderTolerance = 1e-12;

    private const double Guard = 1e-7;      // of the released code: not Perturbation's constant, which is under test

    [Property]
    public void It_is_made_of_the_gradients_at_the_sites_and_its_norms_are_reported(TinyModel tiny)
    {
        const double Rho = 2;
        using var run = new TinyRun<double>(tiny);
        using var step = new ReferenceStep(run.Device);
        double[][] gradients = run.SiteGradients(), expected = step.Perturb(gradients, Rho);
        using var rule = run.Vaccine(Rho);
        var report = run.Step(rule);
        double[][] epsilon = TinyRun<double>.Epsilon(rule);
        Assert.Equal(tiny.Layers, epsilon.Length);
        Assert.InRange(Numbers.Mix(1, Flat(expected), -1, Flat(epsilon)).Largest(), 0, ReorderTolerance * Rho);
        double norm = Flat(gradients).Norm();
        Assert.Equal(norm, report.SiteGradientNorm!.Value, ReorderTolerance * norm);
        Assert.Equal(Flat(epsilon).Norm(), report.PerturbationNorm, ReorderTolerance * Rho);
    }

    [Property(MaxTest = 10)]
    public void Without_a_counted_label_it_is_zero_and_so_is_the_gradient(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        var masked = PackedBatch.Pack(
            [.. tiny.Sequences.Select(s => s with { Labels = [.. s.Labels.Select(_ => PackedBatch.Ignored)] })]);
        using var batch = run.Vaccine(2);
        using var sample = run.Vaccine(2, PerturbationNorm.Sample);
        foreach (var rule in new[] { batch, sample })
        {
            var report = run.Step(rule, masked);
            Assert.Equal((0, 0, 0, 0), (report.Loss, report.CleanLoss, report.SiteGradientNorm, report.PerturbationNorm));
            Assert.All(Flat(TinyRun<double>.Epsilon(rule)), value => Assert.Equal(0, value));
            Assert.All(run.Gradient, value => Assert.Equal(0, value));
        }
    }

    /// <summary>
    /// Row t of the last layer goes into the prediction of t + 1 only; below, it is attended to from every later row.
    /// A sequence's last row predicts nothing.
    /// </summary>
    [Property]
    public void It_moves_exactly_the_rows_that_a_counted_target_sees(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var rule = run.Vaccine(2);
        run.Step(rule);
        var batch = run.Batch;
        for (int sequence = 0; sequence < batch.Sequences; sequence++)
            for (int row = batch.Offsets[sequence], end = batch.Offsets[sequence + 1]; row < end; row++)
                for (int layer = 0; layer < tiny.Layers; layer++)
                {
                    int[] seenFrom = batch.Targets[row..(layer == tiny.Layers - 1 ? row + 1 : end)];
                    bool moves = seenFrom.Any(target => target != PackedBatch.Ignored);
                    Assert.Equal(moves, rule.Epsilon.Epsilon[layer].Row(row).ContainsAnyExcept(0));
                    Assert.False(moves && row == end - 1);
                }
    }

    [Property]
    public void Per_sample_every_sequence_has_its_own_ball(TinyModel tiny)
    {
        const double Rho = 2;
        using var run = new TinyRun<double>(tiny);
        double[][] gradients = run.SiteGradients();
        using var rule = run.Vaccine(Rho, PerturbationNorm.Sample);
        var report = run.Step(rule);
        double[][] epsilon = TinyRun<double>.Epsilon(rule);
        double squared = 0;
        for (int sequence = 0; sequence < run.Batch.Sequences; sequence++)
        {
            double norm = Flat(Rows(run, gradients, sequence)).Norm();
            double expected = Rho * norm / (norm + Guard);
            Assert.Equal(expected, Flat(Rows(run, epsilon, sequence)).Norm(), ReorderTolerance * Rho);
            squared += expected * expected;
        }

        Assert.Equal(Math.Sqrt(squared), report.PerturbationNorm, ReorderTolerance * Rho * run.Batch.Sequences);
    }

    internal static double[] Flat(double[][] sites) => [.. sites.SelectMany(site => site)];

    private static double[][] Rows(TinyRun<double> run, double[][] sites, int sequence)
    {
        int columns = sites[0].Length / run.Batch.Rows;
        return [.. sites.Select(site => site[(run.Batch.Offsets[sequence] * columns)..(run.Batch.Offsets[sequence + 1] * columns)])];
    }
}
