namespace VaccineRef.Laws;

/// <summary>
/// What the inner maximisation must give: the maximiser of the linearised loss over the ball, and nothing else.
/// </summary>
internal static class PerturbLaws
{
    // Sums of at most 4096 squares, in any order: n eps / 2 relative, of which a root takes half; the same again for
    // the products by which they are compared.
    private const double Roundings = 4096;

    private const int Trials = 20;

    public static void NormBound(IVaccineStep step, StepCase drawn)
    {
        double[][] gradients = drawn.DrawGradients();
        double found = Numbers.Flat(Perturb(step, gradients, drawn.Rho)).Norm(), allowed = Tolerance(step) * drawn.Rho;
        Require.Near(drawn.Rho * Shortened(step, Numbers.Flat(gradients).Norm()), found, allowed, "||eps||");
        Require.That(found <= drawn.Rho + allowed, $"||eps|| is {found:R}, more than rho = {drawn.Rho:R}");
    }

    public static void Rise(IVaccineStep step, StepCase drawn)
    {
        double[][] gradients = drawn.DrawGradients();
        double[] gradient = Numbers.Flat(gradients);
        double norm = gradient.Norm(), found = gradient.Dot(Numbers.Flat(Perturb(step, gradients, drawn.Rho)));
        Require.Near(drawn.Rho * norm * Shortened(step, norm), found, Tolerance(step) * drawn.Rho * norm, "<g, eps>");
    }

    public static void NoBetterDirection(IVaccineStep step, StepCase drawn)
    {
        double[][] gradients = drawn.DrawGradients();
        double[] gradient = Numbers.Flat(gradients), epsilon = Numbers.Flat(Perturb(step, gradients, drawn.Rho));
        double rise = gradient.Dot(epsilon), length = epsilon.Norm();
        double allowed = Tolerance(step) * gradient.Norm() * length;
        for (int trial = 0; trial < Trials; trial++)
        {
            // from far away to very near: the maximum is one in its neighbourhood too
            double near = Math.Pow(10, -trial / 4);
            double[] noise = StepCase.Noise(drawn.Random.At("direction").At(trial), epsilon.Length, length);
            double[] other = Numbers.Mix(1 - near, epsilon, near, noise);
            double risen = gradient.Dot(other) * length / Math.Max(other.Norm(), double.Epsilon);
            Require.That(
                risen <= rise + allowed,
                $"another direction of the same length raises the loss by {risen:R}, eps by {rise:R}");
        }
    }

    public static void ScaleInvariance(IVaccineStep step, StepCase drawn)
    {
        double factor = Math.Pow(2, drawn.Random.Below(21, 0) - 10);           // no rounding
        double[][] gradients = drawn.DrawGradients();
        double[] epsilon = Numbers.Flat(Perturb(step, gradients, drawn.Rho));
        double[] scaled = Numbers.Flat(Perturb(step, [.. gradients.Select(site => site.Times(factor))], drawn.Rho));

        // c G / (c G + guard) and G / (G + guard) are known, and eps is g times a number.
        double norm = Numbers.Flat(gradients).Norm();
        double ratio = norm == 0 ? 1 : Shortened(step, factor * norm) / Shortened(step, norm);
        Require.Close(epsilon.Times(ratio), scaled, Tolerance(step) * drawn.Rho, $"eps of {factor:R} times the loss");
    }

    public static void OrderOfLayers(IVaccineStep step, StepCase drawn)
    {
        double[][] gradients = drawn.DrawGradients(), epsilon = Perturb(step, gradients, drawn.Rho);
        double[][] turned = Perturb(step, [.. gradients.Reverse()], drawn.Rho);
        Require.Close(
            Numbers.Flat([.. epsilon.Reverse()]), Numbers.Flat(turned), Tolerance(step) * drawn.Rho,
            "eps of the layers in reverse order");
    }

    public static void ZeroGradient(IVaccineStep step, StepCase drawn) =>
        Zero(
            Perturb(step, [.. drawn.DrawGradients().Select(site => new double[site.Length])], drawn.Rho),
            "eps where the gradient is 0");

    public static void RhoZero(IVaccineStep step, StepCase drawn) =>
        Zero(Perturb(step, drawn.DrawGradients(), 0), "eps where rho is 0");

    /// <summary>The relative error that is allowed where sums may be taken in another order.</summary>
    public static double Tolerance(IVaccineStep step) => Roundings * step.MachineEpsilon;

    /// <summary>By what the guard shortens a perturbation: G / (G + guard).</summary>
    public static double Shortened(IVaccineStep step, double norm) => norm == 0 ? 0 : norm / (norm + step.Guard);

    /// <summary>eps, of the same shape as the gradients.</summary>
    public static double[][] Perturb(IVaccineStep step, double[][] gradients, double rho)
    {
        double[][] epsilon = step.Perturb([.. gradients.Select(site => site.ToArray())], rho);
        Require.That(
            epsilon.Length == gradients.Length
            && epsilon.Zip(gradients).All(pair => pair.First.Length == pair.Second.Length),
            $"eps has the sizes [{Sizes(epsilon)}], the gradients [{Sizes(gradients)}]");
        return epsilon;
    }

    private static string Sizes(double[][] sites) => string.Join(", ", sites.Select(site => site.Length));

    private static void Zero(double[][] epsilon, string what) =>
        Require.Same([.. Numbers.Flat(epsilon).Select(_ => 0.0)], [.. Numbers.Flat(epsilon).Select(Math.Abs)], what);
}
