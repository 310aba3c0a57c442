using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>
/// What the inner maximisation must give: the maximiser of the linearised loss over the ball, and nothing else.
/// </summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 25)]
public sealed class PerturbationLaws
{
    // Sums of at most some thousand squares in double, in another order: n eps / 2 = 1e-12 relative, and a root
    // halves it.
    private const double ReorderTolerance = 1e-12;

    // One forward and one reverse in another blocking of the same matrix products: each of some thousand roundings of
    // 1e-16 may turn over, at condition numbers of the norms up to 1e2.
    private const double RecomputeTolerance = 1e-11;

    private const double Guard = 1e-7;      // of the released code: not Perturbation's constant, which is under test

    [Property]
    public void Its_norm_is_rho_but_for_the_guard(TinyModel tiny, byte tenths)
    {
        using var run = new TinyRun<double>(tiny);
        double rho = tenths / 10.0, norm = Flat(run.SiteGradients()).Norm();
        using var rule = run.Vaccine(rho);
        var report = run.Step(rule);
        double found = Flat(TinyRun<double>.Epsilon(rule)).Norm(), expected = rho * norm / (norm + Guard);
        Assert.InRange(found, 0, rho * (1 + ReorderTolerance));
        Assert.Equal(expected, found, ReorderTolerance * rho);
        Assert.Equal(expected, report.PerturbationNorm, ReorderTolerance * rho);
        Assert.Equal(norm, report.SiteGradientNorm!.Value, ReorderTolerance * norm);
    }

    [Property]
    public void It_is_one_non_negative_multiple_of_the_gradient(TinyModel tiny)
    {
        const double Rho = 2;
        using var run = new TinyRun<double>(tiny);
        double[][] gradients = run.SiteGradients();
        double factor = Rho / (Flat(gradients).Norm() + Guard);
        using var rule = run.Vaccine(Rho);
        run.Step(rule);
        double[][] epsilon = TinyRun<double>.Epsilon(rule);
        Assert.Equal(tiny.Layers, epsilon.Length);
        for (int layer = 0; layer < tiny.Layers; layer++)
            Assert.All(epsilon[layer].Zip(gradients[layer]), pair =>
                Assert.Equal(factor * pair.Second, pair.First, ReorderTolerance * factor * Math.Abs(pair.Second)));
    }

    [Property]
    public void No_feasible_direction_raises_the_linearised_loss_more(TinyModel tiny)
    {
        const double Rho = 0.7;
        using var run = new TinyRun<double>(tiny);
        double[] gradient = Flat(run.SiteGradients());
        double norm = gradient.Norm();
        using var rule = run.Vaccine(Rho);
        run.Step(rule);
        double[] epsilon = Flat(TinyRun<double>.Epsilon(rule));
        double rise = gradient.Dot(epsilon);
        Assert.Equal(Rho * norm * norm / (norm + Guard), rise, ReorderTolerance * Rho * norm);
        for (int trial = 0; trial < 20; trial++)
        {
            // Far and near: a random direction, and the maximiser with some of it, on the same sphere.
            double near = trial % 2 == 0 ? 1 : 1e-3;
            double[] other = Numbers.Mix(1 - near, epsilon, near, Noise(tiny.Random.At(trial), epsilon.Length));
            double radius = epsilon.Norm() / other.Norm();
            Assert.InRange(gradient.Dot(other) * radius, double.NegativeInfinity, rise * (1 + ReorderTolerance));
        }
    }

    [Property]
    public void It_does_not_change_with_the_scale_of_the_loss(TinyModel tiny, byte scale)
    {
        const double Rho = 1;
        double factor = Math.Pow(10, (scale % 61 / 10.0) - 3);         // 1e-3 to 1e3
        using var run = new TinyRun<double>(tiny);
        using var rule = run.Vaccine(Rho);
        double norm = run.Step(rule).SiteGradientNorm!.Value;
        double[] epsilon = Flat(TinyRun<double>.Epsilon(rule));
        run.Step(rule, objective: new Scaled<double>(run.Objective, factor));
        double[] scaled = Flat(TinyRun<double>.Epsilon(rule));
        // c G / (c G + guard) and G / (G + guard) lie both within guard / (min(c, 1) G) of 1.
        double guard = Guard / (Math.Min(factor, 1) * norm);
        Assert.InRange(Numbers.Mix(1, epsilon, -1, scaled).Norm(), 0, Rho * (guard + RecomputeTolerance));
    }

    [Property]
    public void It_does_not_change_with_the_order_of_the_layers(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var rule = run.Vaccine(1);
        run.Step(rule);
        double[][] expected = TinyRun<double>.Epsilon(rule);

        var tape = run.State.Tape;
        var inOrder = new Record<double>(SiteKind.AttentionOutput);
        var pass = new Pass<double>(tape, inOrder, Training: true);
        var loss = run.Objective.Loss(pass, run.Batch);
        var reversed = new Record<double>(SiteKind.AttentionOutput);
        for (int i = inOrder.Sites.Count - 1; i >= 0; i--)
            reversed.At(inOrder.Sites[i], inOrder.Hidden[i], pass);
        using var perturbation = new Perturbation<double>(1, PerturbationNorm.Batch, run.Device);
        perturbation.Fill(reversed, tape.Backward(loss, reversed.Hidden), run.Batch);
        tape.Clear();
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(tiny.Layers - 1 - i, perturbation.Sites[i].Layer);
            double[] found = TinyRun<double>.Values(perturbation.Epsilon[i]), original = expected[tiny.Layers - 1 - i];
            Assert.InRange(Numbers.Mix(1, found, -1, original).Largest(), 0, ReorderTolerance);
        }
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

    private static double[] Noise(RandomStream random, int count) =>
        [.. Enumerable.Range(0, count).Select(i => random.Normal(i))];
}
