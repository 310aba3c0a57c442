using VaccineRef.Core;
using VaccineRef.Laws;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>Rules that perturb hidden embeddings otherwise than Vaccine does.</summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 12)]
public sealed class ActivationBallLaws
{
    // Sums of at most some thousand doubles, in another order.
    private const double ReorderTolerance = 1e-12;

    // Two passes in another blocking of the same products, through norms of condition below 1e2.
    private const double RecomputeTolerance = 1e-11;

    private const double Guard = 1e-7;      // of the released code: not Perturbation's constant, which is under test

    [Property]
    public void One_step_of_ascent_is_vaccine_bit_for_bit(TinyModel tiny, bool perSample)
    {
        var norm = perSample ? PerturbationNorm.Sample : PerturbationNorm.Batch;
        using var run = new TinyRun<double>(tiny);
        using var vaccine = run.Vaccine(0.7, norm, PassDropout.Shared);
        using var pgd = new PgdVaccine<double>(new(0.7, Steps: 1, Norm: norm), run.Device);
        var expected = run.Step(vaccine);
        double[] gradient = run.Gradient;
        Assert.Equal(expected, run.Step(pgd));
        Assert.Equal(gradient, run.Gradient);
    }

    [Property]
    public void Ascent_stays_in_the_ball_and_at_rho_0_is_plain(TinyModel tiny, byte steps, byte share)
    {
        const double Rho = 0.4;
        using var run = new TinyRun<double>(tiny);
        using var pgd = new PgdVaccine<double>(new(Rho, 2 + (steps % 4), Rho * (1 + (share % 10)) / 10), run.Device);
        var report = run.Step(pgd);
        double norm = PerturbationLaws.Flat([.. pgd.Epsilon.Epsilon.Select(TinyRun<double>.Values)]).Norm();
        Assert.InRange(norm, 0, Rho * (1 + ReorderTolerance));
        Assert.Equal(norm, report.PerturbationNorm, ReorderTolerance * Rho);

        using var none = new PgdVaccine<double>(new(0, Steps: 2), run.Device);
        Assert.Equal(run.GradientOf(new Plain<double>()), run.GradientOf(none));
    }

    /// <summary>
    /// eps^2 = project(eps^1 + eta u(g at e + eps^1)), with eps^1 and g computed from outside of the rule.
    /// </summary>
    [Property]
    public void The_second_step_goes_along_the_gradient_at_the_first(TinyModel tiny)
    {
        const double Rho = 0.4, Length = 0.3;
        using var run = new TinyRun<double>(tiny);
        double[] g1 = PerturbationLaws.Flat(run.SiteGradients());
        double[] first = [.. g1.Select(g => Length * g / (g1.Norm() + Guard))];
        using var one = new PgdVaccine<double>(new(Rho, 1, Length), run.Device);
        run.Step(one);
        var record = new Record<double>(SiteKind.AttentionOutput);
        var pass = new Pass<double>(
            run.State.Tape, new InTurn<double>(new Shift<double>(one.Epsilon), record), Training: true);
        var loss = run.Objective.Loss(pass, run.Batch);
        var gradients = run.State.Tape.Backward(loss, record.Hidden);
        List<double> g2 = [];
        foreach (var hidden in record.Hidden)
            g2.AddRange(TinyRun<double>.Values(gradients[hidden]));
        run.State.Tape.Clear();
        double[] second = Numbers.Mix(1, first, Length / (g2.ToArray().Norm() + Guard), [.. g2]);
        double shrink = Math.Min(1, Rho / second.Norm());

        using var two = new PgdVaccine<double>(new(Rho, 2, Length), run.Device);
        run.Step(two);
        double[] found = PerturbationLaws.Flat([.. two.Epsilon.Epsilon.Select(TinyRun<double>.Values)]);
        Assert.InRange(Numbers.Mix(shrink, second, -1, found).Norm(), 0, RecomputeTolerance);
    }

    [Property]
    public void Adaptive_epsilon_is_rho_e2_g_over_the_norm_of_e_g(TinyModel tiny)
    {
        const double Rho = 0.3;
        using var run = new TinyRun<double>(tiny);
        double[] g = PerturbationLaws.Flat(run.SiteGradients()), e = Hidden(run);
        double norm = e.Zip(g, (a, b) => a * b).ToArray().Norm();
        using var rule = new AdaptiveVaccine<double>(new(Rho), run.Device);
        var report = run.Step(rule);
        double[] found = PerturbationLaws.Flat([.. rule.Epsilon.Epsilon.Select(TinyRun<double>.Values)]);
        double[] expected = [.. e.Zip(g, (a, b) => Rho * a * a * b / (norm + Guard))];
        Assert.InRange(Numbers.Mix(1, expected, -1, found).Norm(), 0, RecomputeTolerance * (1 + expected.Norm()));
        Assert.Equal(expected.Norm(), report.PerturbationNorm, RecomputeTolerance * (1 + expected.Norm()));
        double[] shares = [.. found.Zip(e, (eps, a) => a == 0 ? 0 : eps / a)];
        Assert.InRange(shares.Norm(), 0, Rho * (1 + RecomputeTolerance));

        using var none = new AdaptiveVaccine<double>(new(0), run.Device);
        Assert.Equal(run.GradientOf(new Plain<double>()), run.GradientOf(none));
    }

    [Property(MaxTest = 5)]
    public void The_gradient_is_that_of_the_loss_with_the_perturbation_held(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny with { Layers = Math.Max(2, tiny.Layers) });
        using var pgd = new PgdVaccine<double>(new(0.4, 2, 0.3), run.Device);
        using var adaptive = new AdaptiveVaccine<double>(new(0.3), run.Device);
        using var tVaccine = new TVaccine<double>(new(0.4, 1), run.Device);
        using var layers = new RandomLayers<double>(new(0.4, 1), run.Device);
        using var oasis = new Oasis<double>(new(0.4, 1), run.Device);
        using var lat = new Lat<double>(new(0.3, 2), run.Device);
        (IGradientRule<double> Rule, Func<Shift<double>> Held)[] rules =
        [
            (pgd, () => new(pgd.Epsilon)), (adaptive, () => new(adaptive.Epsilon)),
            (tVaccine, () => new(tVaccine.Epsilon)),
            (layers, () => new(layers.Epsilon)), (oasis, () => new(oasis.Epsilon)),
            (lat, () => new(lat.Sites, lat.Attack)),
        ];
        foreach (var (rule, held) in rules)
        {
            double[] gradient = run.GradientOf(rule);
            Slopes.Require(run, gradient, () => run.Loss(held()));
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    public void A_radius_that_is_none_is_an_error(double radius)
    {
        RuleOptions[] rules =
        [
            new PgdVaccineOptions(radius), new AdaptiveVaccineOptions(radius), new TVaccineOptions(radius),
            new OasisOptions(radius),
            new RandomLayersOptions(radius, 1), new LatOptions(radius), new PgdVaccineOptions(1, 0),
            new PgdVaccineOptions(1, 2, 1.1),
            new TVaccineOptions(Layers: 0), new TVaccineOptions(ResampleEvery: 0), new TVaccineOptions(ProbeEvery: 0),
            new OasisOptions(Layers: 0), new LatOptions(1, 0), new LatOptions(1, Layers: []), new LatOptions(0),
        ];
        using var device = new CpuDevice(1);
        Assert.All(
            rules, rule => Assert.StartsWith(
                "here.", Assert.Throws<InputException>(() => rule.Validate("here")).Where, StringComparison.Ordinal));
        Assert.All(rules, rule => Assert.Throws<InputException>(() => rule.Make<double>(device)));
    }

    private static double[] Hidden(TinyRun<double> run)
    {
        var record = new Record<double>(SiteKind.AttentionOutput);
        run.Objective.Loss(new Pass<double>(run.State.Tape, record, Training: true), run.Batch);
        List<double> values = [];
        foreach (var hidden in record.Hidden)
            values.AddRange(TinyRun<double>.Values(hidden.Value));
        run.State.Tape.Clear();
        return [.. values];
    }
}
