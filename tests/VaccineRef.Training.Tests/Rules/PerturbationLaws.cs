using VaccineRef.Core;
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

    /// <summary>Not a loss of 0 and a gradient of 0, which nobody would see.</summary>
    [Property(MaxTest = 10)]
    public void A_step_on_a_batch_without_a_counted_label_is_refused(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        var masked = PackedBatch.Pack(
            [.. tiny.Sequences.Select(s => s with { Labels = [.. s.Labels.Select(_ => PackedBatch.Ignored)] })]);
        using var vaccine = run.Vaccine(2);
        using var kl = new KlObjective<double>(run.Network, run.Model.Trainable, 1, Variant.AsReleased, run.Device);
        foreach (var objective in (IObjective<double>[])[run.Objective, kl])
            foreach (var rule in (IGradientRule<double>[])[new Plain<double>(), vaccine])
            {
                var error = Assert.Throws<InputException>(() => run.Step(rule, masked, objective));
                Assert.Contains("no label that counts", error.Message, StringComparison.Ordinal);
                Assert.Contains(tiny.Sequences[0].Id, error.Message, StringComparison.Ordinal);
            }
    }

    /// <summary>
    /// Sampling layers: the sites of some layers are recorded, and those alone are moved, over one ball.
    /// </summary>
    [Property(MaxTest = 10)]
    public void Chosen_sites_alone_are_moved(TinyModel tiny)
    {
        const double Rho = 2;
        using var run = new TinyRun<double>(tiny with { Layers = 3 });
        var tape = run.State.Tape;
        static bool Chosen(Site site) => site.Layer != 1 && site.Kind == SiteKind.MlpOutput;
        var record = new Record<double>(Chosen) { ForGradients = true };
        var loss = run.Objective.Loss(new Pass<double>(tape, record, Training: true), run.Batch);
        using var perturbation = new Perturbation<double>(Rho, PerturbationNorm.Batch, run.Device);
        perturbation.Fill(record, tape.Backward(loss, record.Hidden), run.Batch);
        tape.Clear();
        Assert.Equal([new(0, SiteKind.MlpOutput), new(2, SiteKind.MlpOutput)], perturbation.Sites);
        double[] epsilon = [.. perturbation.Epsilon.SelectMany(TinyRun<double>.Values)];
        Assert.Equal(Rho, epsilon.Norm(), Rho * Guard / perturbation.GradientNorm * 2);
        var shift = new Shift<double>(perturbation);
        Assert.NotEqual(run.Loss(), run.Loss(shift));
        shift.RequireAllApplied();
        Assert.Throws<ArgumentException>(() => perturbation.Fill(perturbation.Sites, [], run.Batch));
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
        double all = Flat(gradients).Norm();
        Assert.Equal(all, report.SiteGradientNorm!.Value, ReorderTolerance * all);
    }

    internal static double[] Flat(double[][] sites) => [.. sites.SelectMany(site => site)];

    private static double[][] Rows(TinyRun<double> run, double[][] sites, int sequence)
    {
        int columns = sites[0].Length / run.Batch.Rows;
        return [.. sites.Select(
            site => site[(run.Batch.Offsets[sequence] * columns)..(run.Batch.Offsets[sequence + 1] * columns)])];
    }
}
