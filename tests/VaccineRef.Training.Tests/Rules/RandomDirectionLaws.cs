using VaccineRef.Core;
using VaccineRef.Laws;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>The control of equal length: Vaccine's norm and sites, none of its direction.</summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 25)]
public sealed class RandomDirectionLaws
{
    private const double ReorderTolerance = 1e-12;

    [Property]
    public void It_is_as_long_as_Vaccines_over_the_same_sites(TinyModel tiny, byte tenths)
    {
        using var run = new TinyRun<double>(tiny);
        double rho = tenths / 10.0;
        using var vaccine = run.Vaccine(rho);
        run.Step(vaccine);
        using var random = new RandomDirection<double>(rho, run.Device);
        var report = run.Step(random);
        double[] epsilon = [.. random.Epsilon.Epsilon.SelectMany(TinyRun<double>.Values)];
        // both but for their own guards: 1e-7 against norms of gradients and of normal numbers
        Assert.Equal(rho, epsilon.Norm(), 1e-6 * rho);
        Assert.Equal(report.PerturbationNorm, epsilon.Norm(), ReorderTolerance * rho);
        Assert.Equal(vaccine.Epsilon.Sites, random.Epsilon.Sites);
        Assert.Equal(
            vaccine.Epsilon.Epsilon.Select(view => view.Shape), random.Epsilon.Epsilon.Select(view => view.Shape));
    }

    [Property]
    public void Every_layer_has_a_direction_of_its_own(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var random = new RandomDirection<double>(1, run.Device);
        run.Step(random);
        double[][] layers = [.. random.Epsilon.Epsilon.Select(TinyRun<double>.Values)];
        Assert.Equal(layers.Length, layers.Select(layer => layer[0]).Distinct().Count());
    }

    [Property]
    public void It_is_drawn_afresh_in_every_step_and_without_length_nothing(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var random = new RandomDirection<double>(1, run.Device);
        run.Step(random);
        double[] first = [.. random.Epsilon.Epsilon.SelectMany(TinyRun<double>.Values)];
        run.Step(random);
        Assert.NotEqual(first, [.. random.Epsilon.Epsilon.SelectMany(TinyRun<double>.Values)]);
        Assert.Equal(2 + 1, run.State.Forwards);        // one more in the first step, for the shape of the sites

        using var none = new RandomDirection<double>(0, run.Device);
        Assert.Equal(run.GradientOf(new Plain<double>()), run.GradientOf(none));
    }

    [Property]
    public void The_meter_sees_what_was_added_and_changes_nothing(TinyModel tiny)
    {
        const double Rho = 0.7;
        using var run = new TinyRun<double>(tiny);
        using var rule = run.Vaccine(Rho);
        double[] expected = run.GradientOf(rule);
        double[][] epsilon = TinyRun<double>.Epsilon(rule);
        var meter = new PerturbationMeter<double>(run.Objective) { IsOn = true };
        run.Step(rule, objective: meter);
        Assert.Equal(expected, run.Gradient);
        Assert.Equal(epsilon.Sum(layer => layer.Length) * sizeof(double), meter.Bytes);
        Assert.InRange(meter.Tokens, run.Batch.Counted, run.Batch.Rows);
        if (meter.Tokens == run.Batch.Rows)             // else some rows are seen by no counted one
        {
            int columns = epsilon[0].Length / run.Batch.Rows;
            double mean = Enumerable.Range(0, run.Batch.Rows).Average(row =>
                Math.Sqrt(epsilon.Sum(layer => layer.Skip(row * columns).Take(columns).Sum(e => e * e))));
            Assert.Equal(mean, meter.Means.Epsilon, 1e-9);
            var record = new Record<double>(SiteKind.AttentionOutput);
            run.Objective.Loss(new(run.State.Tape, record), run.Batch);
            double[] hidden = run.Read(record.Hidden[0].Value);
            run.State.Tape.Clear();
            // else other elements are dropped, or the layer before has moved too
            if (tiny is { Dropout: 0, Layers: 1 })
                Assert.Equal(
                    Enumerable.Range(0, run.Batch.Rows)
                        .Average(row => Math.Sqrt(hidden.Skip(row * columns).Take(columns).Sum(e => e * e))),
                    meter.Means.Hidden, 1e-9 * meter.Means.Hidden);
        }

        meter.IsOn = false;
        int tokens = meter.Tokens;
        run.Step(rule, objective: meter);
        Assert.Equal(tokens, meter.Tokens);
    }
}
