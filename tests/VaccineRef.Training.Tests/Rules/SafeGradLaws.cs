using VaccineRef.Core;
using VaccineRef.Laws;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>The user's gradient without what points against the alignment.</summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 12)]
public sealed class SafeGradLaws
{
    // Two passes in another blocking of the same products, through norms of condition below 1e2.
    private const double Tolerance = 1e-11;

    /// <summary>
    /// Both cases come up: with the batch itself as alignment data the gradients agree, with its loss turned round they
    /// conflict.
    /// </summary>
    [Property]
    public void The_step_is_the_users_gradient_off_the_conflict_plus_rho_times_the_alignments(
        TinyModel tiny, byte tenths)
    {
        double rho = tenths / 50.0;
        using var run = new TinyRun<double>(tiny);
        var aligning = run.Stream(StreamName.Alignment).Next();
        double[] user = run.GradientOf(new Plain<double>()), alignment = run.GradientOf(new Plain<double>(), aligning);
        foreach (double sign in (double[])[1, -1])
        {
            using var rule = new SafeGrad<double>(new(rho), run.Device);
            using var state =
                new TrainState<double>(run.Device, run.Model.Trainable, seed: 1) { Streams = run.Streams };
            state.BeginStep();
            var report = rule.Accumulate(new Turned(run.Objective, sign), run.Batch, state);
            double[] a = [.. alignment.Select(value => sign * value)];
            double product = user.Dot(a);
            double[] kept = product < 0 ? Numbers.Mix(1, user, -product / a.Dot(a), a) : user;
            RequireNear(Numbers.Mix(1, kept, rho, a), run.Gradient, user.Norm() + a.Norm());
            Assert.Equal(product / (user.Norm() * a.Norm()), report.Scalars!["alignment_cosine"], 1e-9);
            if (rho == 0)
                Assert.True(run.Gradient.Dot(a) >= -Tolerance * (1 + (user.Norm() * a.Norm())));       // nothing points against it
            Assert.Equal(2 * sizeof(double) * user.Length, rule.StateBytes);
        }
    }

    [Property]
    public void With_aligned_kl_the_alignment_is_the_divergence_from_the_beginning(TinyModel tiny)
    {
        const double Rho = 0.7;
        using var run = new TinyRun<double>(tiny);
        using var objective = new AlignedKlObjective<double>(run.Network, run.Model.Trainable, run.Device);
        using var kl = new KlObjective<double>(run.Network, run.Model.Trainable, 1, Variant.Paper, run.Device);
        var batch = run.Stream(StreamName.Alignment).Next();
        var random = tiny.Random.At("move");
        run.Weights = [.. run.Weights.Select((weight, i) => weight + (0.1 * random.Normal(i)))];
        double[] both = Gradient(run, kl, batch), plain = Gradient(run, run.Objective, batch),
            divergence = Numbers.Mix(1, both, -1, plain);
        RequireNear(divergence, Gradient(run, objective.Aligning, batch), both.Norm() + plain.Norm());
        Assert.Equal(Gradient(run, run.Objective, run.Batch), Gradient(run, objective, run.Batch));

        double[] user = Gradient(run, objective, run.Batch);
        using var rule = new SafeGrad<double>(new(Rho), run.Device);
        using var state = new TrainState<double>(run.Device, run.Model.Trainable, seed: 1) { Streams = run.Streams };
        state.BeginStep();
        rule.Accumulate(new PerturbationMeter<double>(objective), run.Batch, state);
        double product = Math.Min(0, user.Dot(divergence));
        RequireNear(
            Numbers.Mix(1, user, Rho - (product / divergence.Dot(divergence)), divergence), run.Gradient,
            user.Norm() + both.Norm() + plain.Norm());
    }

    [Fact]
    public void A_rho_that_is_no_weight_is_an_error() => Assert.All(
        (double[])[-1, double.NaN, double.PositiveInfinity],
        rho => Assert.Equal(
            "here.rho", Assert.Throws<InputException>(() => new SafeGradOptions(rho).Validate("here")).Where));

    private static double[] Gradient(TinyRun<double> run, IObjective<double> objective, Models.PackedBatch batch)
    {
        run.Step(new Plain<double>(), batch, objective);
        return run.Gradient;
    }

    private static void RequireNear(double[] expected, double[] found, double size) =>
        Assert.InRange(Numbers.Mix(1, expected, -1, found).Norm(), 0, Tolerance * (1 + expected.Norm() + size));

    /// <summary>Another objective, whose alignment is a multiple of itself.</summary>
    private sealed class Turned(IObjective<double> inner, double factor) : IObjective<double>
    {
        public string Name => "turned";

        public IObjective<double> Aligning => new Scaled<double>(inner, factor);

        public Tensor<double> Loss(Pass<double> pass, Models.PackedBatch batch) => inner.Loss(pass, batch);
    }
}
