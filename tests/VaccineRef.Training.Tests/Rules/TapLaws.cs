using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>
/// Laws about the sites where embeddings are perturbed: nothing that was asked for may silently be left undone.
/// </summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 12)]
public sealed class TapLaws
{
    /// <summary>
    /// An implementation may hook a site that the forward pass never reaches (docs/deviations.md, D2), so every kind of
    /// site is checked to move the loss. A small step along eps raises the loss by rho G + c rho^2 / 2 + O(rho^3). A
    /// step twice as long measures c, which has no bound that follows from the shape, because of RMSNorm of a short
    /// row.
    /// </summary>
    [Property]
    public void Every_kind_of_site_moves_the_forward(TinyModel tiny)
    {
        const double Rho = 1e-6, Rounding = 1e-12;
        using var run = new TinyRun<double>(tiny);
        SiteKind[][] choices =
        [
            .. Enum.GetValues<SiteKind>().Select(kind => (SiteKind[])[kind]), Enum.GetValues<SiteKind>(),
        ];
        foreach (var kinds in choices)
        {
            using var rule = run.Vaccine(Rho, sites: kinds);
            using var longer = run.Vaccine(2 * Rho, sites: kinds);
            var (report, further) = (run.Step(rule), run.Step(longer));
            int expected = kinds.Sum(kind => kind == SiteKind.TokenEmbedding ? 1 : tiny.Layers);
            Assert.Equal(expected, rule.Epsilon.Sites.Count);
            Assert.Equal(run.Network.Sites.Where(site => kinds.Contains(site.Kind)), rule.Epsilon.Sites);
            double norm = PerturbationLaws.Flat(run.SiteGradients(kinds: kinds)).Norm();
            Assert.True(norm > 0);
            double rise = report.Loss - report.CleanLoss!.Value, twice = further.Loss - further.CleanLoss!.Value;
            Assert.Equal(Rho * norm, rise, Math.Abs(twice - (2 * rise)) + (Rounding * report.Loss));
        }
    }

    [Property]
    public void A_recording_tap_changes_nothing(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        var record = new Record<double>(Enum.GetValues<SiteKind>());
        Assert.Equal(run.Loss(), run.Loss(record));
        Assert.Equal(run.Network.Sites, record.Sites);
    }

    [Property]
    public void A_shift_that_misses_a_site_throws(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var rule = run.Vaccine(1);
        run.Step(rule);
        Site[] sites = [.. rule.Epsilon.Sites, new(tiny.Layers, SiteKind.AttentionOutput)];
        var shift = new Shift<double>(sites, [.. rule.Epsilon.Epsilon, rule.Epsilon.Epsilon[0]]);
        run.Loss(shift);
        var error = Assert.Throws<InvalidOperationException>(shift.RequireAllApplied);
        Assert.Contains($"layers.{tiny.Layers}.attention_output", error.Message, StringComparison.Ordinal);
    }

    [Property(MaxTest = 5)]
    public void A_model_whose_second_pass_skips_a_site_is_an_error(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var rule = run.Vaccine(1);
        int forward = 0;
        var forgetful = new Untapped(run.Objective, () => ++forward == 2);
        Assert.Throws<InvalidOperationException>(() => run.Step(rule, objective: forgetful));
    }

    [Property(MaxTest = 3)]
    public void A_site_that_the_model_has_not_is_an_error(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var rule = run.Vaccine(1, sites: (SiteKind)99);
        var error = Assert.Throws<InputException>(() => run.Step(rule));
        Assert.Contains("99", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<InputException>(() => run.Step(new RandomPerturbation<double>(1, [(SiteKind)99])));
        Assert.Contains("99", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_radius_or_variance_that_is_none_is_an_error(double value)
    {
        using var device = new CpuDevice(1);
        Assert.Throws<InputException>(() => new Vaccine<double>(new VaccineOptions(value), device));
        Assert.Throws<InputException>(() => new RandomPerturbation<double>(value));
    }

    /// <summary>
    /// rho' is the variance of the noise, not its standard deviation (docs/deviations.md, D3). With rho' = 9 the two
    /// differ.
    /// </summary>
    [Fact]
    public void Random_noise_has_mean_0_and_variance_rho()
    {
        const double Variance = 9, Sigmas = 5;
        const int Columns = 20_000, Sites = 2;
        using var device = new CpuDevice(1);
        double[] noise = PerturbationLaws.Flat(Noise(device, Variance, seed: 3, steps: 1, Sites, Columns));
        double mean = noise.Average(),
            variance = noise.Sum(value => (value - mean) * (value - mean)) / (noise.Length - 1);
        // Standard errors of mean and variance of n normal numbers: sqrt(v / n), v sqrt(2 / (n - 1)).
        Assert.InRange(mean, -Sigmas * Math.Sqrt(Variance / noise.Length), Sigmas * Math.Sqrt(Variance / noise.Length));
        Assert.Equal(Variance, variance, Sigmas * Variance * Math.Sqrt(2.0 / (noise.Length - 1)));
    }

    [Fact]
    public void Random_noise_is_fresh_in_every_step_and_site_and_the_same_for_a_seed()
    {
        using var device = new CpuDevice(1);
        double[][] first = Noise(device, 1, seed: 3, steps: 1), again = Noise(device, 1, seed: 3, steps: 1);
        double[][] second = Noise(device, 1, seed: 3, steps: 2), other = Noise(device, 1, seed: 4, steps: 1);
        Assert.Equal(first, again);
        Assert.NotEqual(first, second);
        Assert.NotEqual(first, other);
        // more than the rounding of what it is read from
        Assert.True(Numbers.Mix(1, first[0], -1, first[1]).Largest() > 0.1);
    }

    /// <summary>What was added at every site in the last of some steps.</summary>
    private static double[][] Noise(
        CpuDevice device, double variance, ulong seed, int steps, int sites = 2, int columns = 10)
    {
        using var objective = new LinearObjective<double>(device, RandomStream.FromSeed(1), sites, columns);
        using var state = new TrainState<double>(device, objective.Embeddings, seed);
        var rule = new RandomPerturbation<double>(variance);
        for (int step = 0; step < steps; step++)
        {
            state.BeginStep();
            var report = rule.Accumulate(objective, LinearObjective<double>.OneRow, state);
            Assert.Equal(Math.Sqrt(variance * sites * columns), report.PerturbationNorm, 1e-9);
        }

        return [.. objective.Moved.Zip(
            objective.Embeddings, (moved, e) => Numbers.Mix(1, moved, -1, TinyRun<double>.Values(e.Value)))];
    }

    /// <summary>Takes the tap away where it is told to: a model that forgets its sites.</summary>
    private sealed class Untapped(IObjective<double> inner, Func<bool> forgets) : IObjective<double>
    {
        public string Name => "untapped";

        public Tensor<double> Loss(Pass<double> pass, PackedBatch batch) =>
            inner.Loss(forgets() ? pass with { Tap = new NoTap<double>() } : pass, batch);
    }
}
