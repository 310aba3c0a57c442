using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>Rules that look at other weights than those that the model has.</summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 8)]
public sealed class WeightBallLaws
{
    // Two passes in another blocking of the same products, through norms of condition below 1e2.
    private const double RecomputeTolerance = 1e-11;

    // of the released codes but SAM's: not the rules' constants, which are under test
    private const double Guard = 1e-7;

    [Property]
    public void Sam_takes_the_gradient_at_w_plus_rho_g_over_its_norm(TinyModel tiny)
    {
        const double Rho = 0.3, SamGuard = 1e-12;
        using var run = new TinyRun<double>(tiny);
        double[] weights = run.Weights, g = run.GradientOf(new Plain<double>());
        double[] moved = Numbers.Mix(1, weights, Rho / (g.Norm() + SamGuard), g);
        using var rule = new Sam<double>(new(Rho), run.Device);
        var (seen, gradient, report) = Look(run, rule, forward: 2);
        RequireNear(moved, seen);
        Assert.Equal(Rho, Numbers.Mix(1, seen, -1, weights).Norm(), RecomputeTolerance * (1 + weights.Norm()));
        run.Weights = moved;
        RequireNear(run.GradientOf(new Plain<double>()), gradient);
        Assert.Equal(run.Loss(), report.Loss, RecomputeTolerance * (1 + report.Loss));
    }

    [Property]
    public void Without_radius_or_weight_they_are_plain(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        double[] plain = run.GradientOf(new Plain<double>());
        RuleOptions[] none =
        [
            new SamOptions(0), new AsamOptions(0), new AsamOptions(0, AsamForm.Davda54), new BoosterOptions(Lambda: 0),
            new BoosterOnEmbeddingsOptions(Lambda: 0),
        ];
        foreach (var options in none)
        {
            var rule = options.Make<double>(run.Device);
            using var disposable = rule as IDisposable;
            Assert.Equal(plain, run.GradientOf(rule));
        }

        RuleOptions[] vanishing =
        [
            new BoosterOptions(Alpha: 0), new BoosterOnEmbeddingsOptions(Alpha: 0), new PanaceaOptions(Rho: 0),
        ];
        foreach (var options in vanishing)       // what is added is taken away again, lambda times
        {
            var rule = options.Make<double>(run.Device);
            using var disposable = rule as IDisposable;
            RequireNear(plain, run.GradientOf(rule), 10 * Harmful(run).Gradient.Norm());
        }

        using var vaccine = run.Vaccine(0.5, dropout: PassDropout.Shared);
        using var perturbing = new Booster<double>(new(Lambda: 0, Rho: 0.5), run.Device);
        Assert.Equal(run.GradientOf(vaccine), run.GradientOf(perturbing));
    }

    /// <summary>
    /// What each claims to differentiate, with its perturbation held: a value at some weights and embeddings.
    /// </summary>
    [Property(MaxTest = 5)]
    public void The_gradient_is_the_slope_of_what_is_minimised(TinyModel tiny)
    {
        const double Rho = 0.2, Lambda = 0.7, Alpha = 0.15;
        using var run = new TinyRun<double>(tiny);
        double[] weights = run.Weights, f = run.GradientOf(new Plain<double>());
        var (harmful, h) = Harmful(run);
        double At(double[] shift, PackedBatch? batch = null)
        {
            double[] here = run.Weights;
            run.Weights = Numbers.Mix(1, here, 1, shift);
            double loss = run.Loss(batch: batch);
            run.Weights = here;
            return loss;
        }

        double[] toward = [.. f.Select(g => Rho * g / f.Norm())],
            step = [.. h.Select(g => Alpha * g / (h.Norm() + Guard))];
        double[] back = [.. step.Select(value => -value)];
        using var onEmbeddings = new BoosterOnEmbeddings<double>(new(Lambda, Alpha), run.Device);
        (RuleOptions Rule, Func<double> Value)[] cases =
        [
            (new SamOptions(Rho), () => At(toward)),
            (new BoosterOptions(Lambda, Alpha),
                () => run.Loss() + (Lambda * (run.Loss(batch: harmful) - At(back, harmful)))),
            (new PanaceaOptions(Lambda, Alpha),
                () => run.Loss() - (Lambda * (At(step, harmful) - run.Loss(batch: harmful)))),
        ];
        foreach (var (options, value) in cases)
        {
            using var fresh =
                new TrainState<double>(run.Device, run.Model.Trainable, seed: 1) { Streams = run.Streams };
            var rule = options.Make<double>(run.Device);
            using var disposable = rule as IDisposable;
            fresh.BeginStep();
            rule.Accumulate(run.Objective, run.Batch, fresh);
            Slopes.Require(run, run.Gradient, value);
        }

        using var state = new TrainState<double>(run.Device, run.Model.Trainable, seed: 1) { Streams = run.Streams };
        state.BeginStep();
        onEmbeddings.Accumulate(run.Objective, run.Batch, state);
        double[] gradient = run.Gradient;
        double[] sites = PerturbationLaws.Flat(run.SiteGradients(harmful));
        RequireNear(
            [.. sites.Select(g => -Alpha * g / (sites.Norm() + Guard))],
            PerturbationLaws.Flat([.. onEmbeddings.Epsilon.Epsilon.Select(TinyRun<double>.Values)]));
        var shift = () => new Shift<double>(onEmbeddings.Epsilon);
        Slopes.Require(
            run, gradient, () => run.Loss() + (Lambda * (run.Loss(batch: harmful) - run.Loss(shift(), harmful))));
    }

    /// <summary>On h = 1/2 (w - c)' H (w - c), g1 - g2 is alpha H g1 / ||g1||.</summary>
    [Property(MaxTest = 30)]
    public void On_a_quadratic_booster_adds_lambda_alpha_H_g_over_its_norm(ulong seed, byte tenths, byte columns)
    {
        const double Lambda = 3;
        double alpha = tenths / 100.0;
        using var device = new CpuDevice(1);
        using var objective = new Quadratic(device, RandomStream.FromSeed(seed), 1 + (columns % 20));
        var stream = new BatchStream([new TokenSequence([0], [0], "row")], 1, default);
        using var state = new TrainState<double>(device, [objective.Weights], seed)
        {
            Streams = new Dictionary<string, BatchStream> { [StreamName.Harmful] = stream },
        };
        using var rule = new Booster<double>(new(Lambda, alpha), device);
        state.BeginStep();
        rule.Accumulate(objective, LinearObjective<double>.OneRow, state);
        double[] w = Of(objective.Weights), c = Of(objective.Centre), curvature = Of(objective.Curvature);
        double[] g = [.. curvature.Zip(Numbers.Mix(1, w, -1, c), (k, way) => k * way)];
        double[] expected = [.. g.Zip(curvature, (g1, k) => g1 + (Lambda * alpha * k * g1 / (g.Norm() + Guard)))];
        RequireNear(expected, Of(objective.Weights, gradient: true));
    }

    [Fact]
    public void Panacea_leaves_the_last_perturbation_on_the_weights_and_only_at_the_end()
    {
        const double Rho = 0.3;
        var tiny = new TinyModel(Family.Llama, true, 2, 1, 2, 4, 17, new(6, 5, 4), Seed: 21);
        (double[] Last, double[] Afterwards) Trained(bool completes, int stopAfter)
        {
            using var run = new TinyRun<double>(tiny);
            using var panacea = new Panacea<double>(new(0.01, Rho), run.Device);
            using var stop = new CancellationTokenSource();
            double[] last = [];
            IGradientRule<double> rule = completes ? panacea : new Endless(panacea);
            new Trainer<double>(
                run.Device, run.Model.Trainable, run.Objective, rule, new(2, new AdamWOptions(0.01), MaxSteps: 3),
                run.Streams).Run(
                tiny.Sequences, step =>
                {
                    last = run.Weights;
                    if (step.Step == stopAfter)
                        stop.Cancel();
                }, cancel: stop.Token);
            return (last, run.Weights);
        }

        var (whole, stopped) = (Trained(completes: true, 3), Trained(completes: true, 2));
        Assert.Equal(whole.Last, whole.Afterwards);
        double[] steps = Trained(completes: false, 3).Last;
        // 1e-7 beside a gradient's norm of at least 1e-2
        Assert.Equal(Rho, Numbers.Mix(1, whole.Last, -1, steps).Norm(), 1e-5);
        Assert.Equal(Trained(completes: false, 2).Afterwards, stopped.Afterwards);
    }

    [Fact]
    public void What_they_hold_is_counted()
    {
        var tiny = new TinyModel(Family.Llama, true, 2, 1, 2, 4, 17, new(6, 5, 4), Seed: 21);
        using var run = new TinyRun<double>(tiny);
        long trained = sizeof(double) * run.Model.Trainable.Sum(parameter => parameter.Shape.Count);
        (RuleOptions Options, int Copies)[] rules =
        [
            (new PlainOptions(), 0), (new SamOptions(), 2), (new AsamOptions(), 2), (new BoosterOptions(), 2),
            (new BoosterOnEmbeddingsOptions(), 1), (new PanaceaOptions(), 2),
            (new VaaOptions(Schedule: VaaSchedule.Constant), 2),
        ];
        foreach (var (options, copies) in rules)
        {
            var rule = options.Make<double>(run.Device);
            using var disposable = rule as IDisposable;
            run.Step(rule);
            Assert.Equal(copies * trained, rule.StateBytes);
        }
    }

    [Fact]
    public void Settings_out_of_range_are_errors()
    {
        RuleOptions[] rules =
        [
            new SamOptions(-1), new SamOptions(double.NaN), new AsamOptions(-1),
            new AsamOptions(1, AsamForm.Davda54, 0.01),
            new AsamOptions(1, AsamForm.Original, -0.01), new BoosterOptions(-1), new BoosterOptions(Alpha: -1),
            new BoosterOptions(Rho: -1),
            new BoosterOnEmbeddingsOptions(-1), new BoosterOnEmbeddingsOptions(Alpha: double.PositiveInfinity),
            new PanaceaOptions(-1),
            new PanaceaOptions(Rho: -1), new VaaOptions(-1), new VaaOptions(Lambda: 1.1),
            new VaaOptions(Probability: 0.95),
            new VaaOptions(ProbabilityRate: -1), new RebellionOptions(-1),
        ];
        using var device = new CpuDevice(1);
        Assert.All(
            rules, rule => Assert.StartsWith(
                "here.", Assert.Throws<InputException>(() => rule.Validate("here")).Where, StringComparison.Ordinal));
        Assert.All(rules, rule => Assert.Throws<InputException>(() => rule.Make<double>(device)));
    }

    /// <summary>The weights as a forward pass of a step sees them, and what the step gives.</summary>
    private static (double[] Seen, double[] Gradient, RuleReport Report) Look(
        TinyRun<double> run, IGradientRule<double> rule, int forward)
    {
        double[] seen = [];
        var report = run.Step(
            rule, objective: new Watched<double>(
                run.Objective, (pass, _) => seen = pass == forward ? run.Weights : seen));
        return (seen, run.Gradient, report);
    }

    /// <summary>The first batch of the harmful stream, and the gradient on it.</summary>
    private static (PackedBatch Batch, double[] Gradient) Harmful(TinyRun<double> run)
    {
        var batch = run.Stream(StreamName.Harmful).Next();
        return (batch, run.GradientOf(new Plain<double>(), batch));
    }

    private static double[] Of(Parameter<double> parameter, bool gradient = false) =>
        TinyRun<double>.Values(gradient ? parameter.Gradient : parameter.Value);

    private static void RequireNear(double[] expected, double[] found, double size = 0) =>
        Assert.InRange(
            Numbers.Mix(1, expected, -1, found).Norm(), 0, RecomputeTolerance * (1 + expected.Norm() + size));

    /// <summary>Another rule, without what it does after the last step.</summary>
    private sealed class Endless(IGradientRule<double> rule) : IGradientRule<double>
    {
        public string Name => rule.Name;

        public RuleReport Accumulate(
            IObjective<double> objective, PackedBatch batch, TrainState<double> state, double scale = 1) =>
            rule.Accumulate(objective, batch, state, scale);
    }
}
