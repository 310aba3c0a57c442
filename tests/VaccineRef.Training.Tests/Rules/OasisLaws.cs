using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>OASIS: the layers that harmful data moves most, and a perturbation off its direction.</summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 12)]
public sealed class OasisLaws
{
    private const double Guard = 1e-7, ReorderTolerance = 1e-12, RecomputeTolerance = 1e-11;

    /// <summary>
    /// &lt;eps_token, dbar&gt; = &lt;e_token, dbar&gt; guard / (||dbar||^2 + guard), and no longer than e.
    /// </summary>
    [Property]
    public void Oasis_has_no_part_along_the_harmful_gradient(TinyModel tiny)
    {
        const double Rho = 0.6;
        tiny = tiny with { Layers = 3 };
        using var run = new TinyRun<double>(tiny);
        using var rule = new Oasis<double>(new(Rho, 2), run.Device);
        var report = run.Step(rule);
        double[][] harmful = run.SiteGradients(run.Stream(StreamName.Harmful).Next()), gradients = run.SiteGradients();
        int[] largest = [.. Enumerable.Range(0, 3).OrderByDescending(layer => harmful[layer].Norm()).Take(2).Order()];
        Assert.Equal(largest, rule.Chosen);
        double norm = PerturbationLaws.Flat([.. largest.Select(layer => gradients[layer])]).Norm();
        for (int i = 0; i < 2; i++)
        {
            double[] mean = TinyRun<double>.Values(rule.HarmfulDirections[i]), d = harmful[largest[i]];
            int columns = mean.Length, rows = d.Length / columns;
            for (int c = 0; c < columns; c++)
                Assert.Equal(
                    Enumerable.Range(0, rows).Average(row => d[(row * columns) + c]), mean[c], RecomputeTolerance);
            double[][] e = [.. gradients[largest[i]].Select(g => Rho * g / (norm + Guard)).Chunk(columns)];
            double[][] found = [.. TinyRun<double>.Values(rule.Epsilon.Epsilon[i]).Chunk(columns)];
            double squared = mean.Dot(mean);
            for (int row = 0; row < e.Length; row++)
            {
                double expected = e[row].Dot(mean) * Guard / (squared + Guard);
                Assert.Equal(expected, found[row].Dot(mean), RecomputeTolerance * (1 + squared));
                Assert.InRange(found[row].Norm(), 0, e[row].Norm() + RecomputeTolerance);
            }
        }

        Assert.InRange(report.PerturbationNorm, 0, Rho * (1 + ReorderTolerance));
        using var none = new Oasis<double>(new(0, tiny.Layers), run.Device);
        Assert.Equal(run.GradientOf(new Plain<double>()), run.GradientOf(none));
    }

    /// <summary>Zero, but not held: momentum and decay go on.</summary>
    [Property]
    public void As_released_oasis_sets_the_gradients_of_other_layers_to_zero(TinyModel tiny)
    {
        tiny = tiny with { Layers = 3 };
        using var run = new TinyRun<double>(tiny);
        using var rule = new Oasis<double>(new(0.5, 1, Variant: Variant.AsReleased), run.Device);
        run.Step(rule);
        foreach (var parameter in run.Model.Trainable)
        {
            Assert.False(run.State.IsHeld(parameter));
            if (BlockNumber.Of(parameter.Name) is { } layer && layer != rule.Chosen[0])
                Assert.All(TinyRun<double>.Values(parameter.Gradient), value => Assert.Equal(0, value));
        }
    }
}
