using VaccineRef.Laws;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>Adaptive SAM in both forms in which it is published.</summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 8)]
public sealed class AsamLaws
{
    // Two passes in another blocking of the same products, through norms of condition below 1e2.
    private const double RecomputeTolerance = 1e-11;

    [Property]
    public void Asam_moves_a_number_by_its_size_in_either_published_form(TinyModel tiny)
    {
        const double Rho = 0.4, Eta = 0.01;
        using var run = new TinyRun<double>(tiny);
        double[] weights = run.Weights, g = run.GradientOf(new Plain<double>());
        bool[] named = [.. run.Model.Trainable.SelectMany(
            p => Enumerable.Repeat(p.Name.Contains("weight", StringComparison.Ordinal), (int)p.Shape.Count))];
        foreach (var form in Enum.GetValues<AsamForm>())
        {
            double[] t = [.. weights.Zip(
                named, (w, has) => form == AsamForm.Davda54 ? Math.Abs(w) : has ? Math.Abs(w) + Eta : 1)];
            double norm = t.Zip(g, (a, b) => a * b).ToArray().Norm();
            double[] epsilon = [.. t.Zip(g, (a, b) => Rho * a * a * b / norm)];
            using var rule = new Asam<double>(new(Rho, form), run.Device);
            double[] found = Numbers.Mix(1, Moved(run, rule), -1, weights);
            Assert.InRange(
                Numbers.Mix(1, epsilon, -1, found).Norm(), 0,
                RecomputeTolerance * (1 + epsilon.Norm() + weights.Norm()));
            double[] shares = [.. found.Zip(t, (eps, size) => size == 0 ? 0 : eps / size)];
            // w + eps - w is good to |w| 1e-16, and T is at least |w|
            Assert.Equal(Rho, shares.Norm(), RecomputeTolerance);
        }
    }

    /// <summary>Of a fresh adapter, whose B is 0, only the original form moves B.</summary>
    [Property]
    public void A_number_that_is_zero_moves_in_the_original_form_of_asam_alone(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny with { Adapted = true });
        foreach (var pair in run.Model.Adapter!.Pairs)
            pair.B.Value.Span.Clear();
        foreach (var form in Enum.GetValues<AsamForm>())
        {
            using var rule = new Asam<double>(new(0.4, form), run.Device);
            bool moved = false;
            int forward = 0;
            run.Step(rule, objective: new Watched<double>(run.Objective, (_, _) =>
            {
                if (++forward == 2)
                    moved = run.Model.Adapter!.Pairs.Any(pair => pair.B.Value.Span.ContainsAnyExcept(0));
            }));
            Assert.Equal(form == AsamForm.Original, moved);
        }
    }

    /// <summary>The weights as the second pass of a step sees them.</summary>
    private static double[] Moved(TinyRun<double> run, IGradientRule<double> rule)
    {
        double[] seen = [];
        run.Step(
            rule, objective: new Watched<double>(run.Objective, (pass, _) => seen = pass == 2 ? run.Weights : seen));
        return seen;
    }
}
