namespace VaccineRef.Laws;

/// <summary>
/// What a step must give on a model: the gradient of the perturbed loss, with the perturbation held still.
/// </summary>
internal static class ModelLaws
{
    private const double DifferenceTolerance = Numbers.SlopeTolerance;

    // A product formed once in the weight instead of in every row: sums of some hundred numbers, through norms of
    // condition 1e2, in machine epsilons.
    private const double Recomputations = 5e4;

    // The terms that a gradient is summed from are of the order of 1, even where they cancel to much less.
    private const double Terms = 1;

    private const int Directions = 3;

    private static readonly MicroBatch[] First = [new(0)];

    public static void SiteGradients(IVaccineStep step, StepCase drawn)
    {
        Begin(step, drawn);
        RequireDouble(step);
        double[][] gradients = Offered(step.Gradients(0), "gradients at the sites");
        Require.That(gradients.Length > 0, "there is no site at all");
        int[] sizes = [.. gradients.Select(site => site.Length)];
        Slopes(
            Numbers.Flat(gradients), drawn, "the gradients at the sites",
            (direction, distance) => Loss(step, 0, Split(direction, sizes, distance)));
    }

    public static void SecondPass(IVaccineStep step, StepCase drawn)
    {
        Begin(step, drawn);
        double[][] epsilon = PerturbLaws.Perturb(step, Offered(step.Gradients(0), "gradients at the sites"), drawn.Rho);
        SlopesOfWeights(step, drawn, drawn.Rho, epsilon);
    }

    public static void PlainAtRhoZero(IVaccineStep step, StepCase drawn)
    {
        Begin(step, drawn);
        SlopesOfWeights(step, drawn, 0, []);
    }

    public static void LinearLoss(IVaccineStep step, StepCase drawn)
    {
        Begin(step, drawn);
        double[][] gradients = Offered(step.Gradients(0), "gradients at the sites");
        double norm = Numbers.Flat(gradients).Norm(), before = Loss(step, 0, []);
        double after = Loss(step, 0, PerturbLaws.Perturb(step, gradients, drawn.Rho));
        double most = 1 + Math.Abs(before) + (drawn.Rho * norm);
        Require.Near(
            drawn.Rho * norm * PerturbLaws.Shortened(step, norm), after - before, PerturbLaws.Tolerance(step) * most,
            "the rise of a linear loss");
    }

    public static void Accumulation(IVaccineStep step, StepCase drawn)
    {
        Begin(step, drawn);
        double[] scales = [.. Enumerable.Range(0, 2).Select(i => (1 + drawn.Random.At("scale").Below(100, i)) / 64.0)];
        double[] first = Gradient(step, drawn.Rho, [new(0)]), second = Gradient(step, drawn.Rho, [new(1)]);
        double[] both = Gradient(step, drawn.Rho, [new(0, scales[0]), new(1, scales[1])]);
        double most = Terms + (scales[0] * first.Norm()) + (scales[1] * second.Norm());
        Require.Close(
            Numbers.Mix(scales[0], first, scales[1], second), both, PerturbLaws.Tolerance(step) * most,
            "the gradient of two micro-batches");
    }

    public static void LeavesTheModelAlone(IVaccineStep step, StepCase drawn)
    {
        Begin(step, drawn);
        double before = Loss(step, 0, []);
        double[] weights = Offered(step.Weights(), "weights"), gradient = Gradient(step, drawn.Rho, First);
        Require.Same(weights, Offered(step.Weights(), "weights"), "the weights after a step");
        Require.Near(
            before, Loss(step, 0, []), PerturbLaws.Tolerance(step) * (1 + Math.Abs(before)), "the loss after a step");
        Require.Close(
            gradient, Gradient(step, drawn.Rho, First), PerturbLaws.Tolerance(step) * (Terms + gradient.Norm()),
            "the gradient of the same step again");
    }

    public static void Passes(IVaccineStep step, StepCase drawn)
    {
        Begin(step, drawn);
        var result = Offered(step.Step(drawn.Rho, First), "a whole step");
        if (result is not { Forwards: { } forwards, Reverses: { } reverses })
            throw new NotOfferedException("a count of passes is not offered");
        Require.That(
            (forwards, reverses) == (2, 2),
            $"a step took {forwards} forward and {reverses} reverse passes, not 2 and 2");
    }

    public static void Merge(IVaccineStep step, StepCase drawn)
    {
        Begin(step, drawn);
        double[] adapter = Offered(step.Weights(), "weights");
        double loss = Loss(step, 0, []), allowed = Recomputations * step.MachineEpsilon * (1 + Math.Abs(loss));
        if (!step.Merge(true))
            throw new NotOfferedException("merging is not offered");
        Require.Near(loss, Loss(step, 0, []), allowed, "the loss of the merged model");
        step.SetWeights(new double[adapter.Length]);
        Require.Near(loss, Loss(step, 0, []), allowed, "the loss of the merged model, whose adapter is set to 0,");
        step.SetWeights(adapter);
        Require.That(step.Merge(false), "what was merged cannot be unmerged");
        Require.Near(loss, Loss(step, 0, []), allowed, "the loss of the unmerged model");
        step.SetWeights(new double[adapter.Length]);
        double without = Loss(step, 0, []);
        Require.That(
            Math.Abs(without - loss) > allowed, "the unmerged adapter is still in the weights, or changes nothing");
    }

    private static void SlopesOfWeights(IVaccineStep step, StepCase drawn, double rho, double[][] epsilon)
    {
        RequireDouble(step);
        double[] gradient = Gradient(step, rho, First), weights = Offered(step.Weights(), "weights");
        Require.That(
            gradient.Length == weights.Length,
            $"{weights.Length} weights have a gradient of {gradient.Length} elements");
        Slopes(gradient, drawn, "the step's gradient", (direction, distance) =>
        {
            step.SetWeights(Numbers.Mix(1, weights, distance, direction));
            return Loss(step, 0, epsilon);
        });
        step.SetWeights(weights);
    }

    /// <summary>
    /// Along some unit directions the slope of a function is the gradient's part in them: along the gradient itself
    /// once, so that the slope is not small by chance.
    /// </summary>
    private static void Slopes(double[] gradient, StepCase drawn, string what, Func<double[], double, double> at)
    {
        for (int trial = 0; trial < Directions; trial++)
        {
            double[] raw = trial == 0 ? gradient : StepCase.Noise(drawn.Random.At("slope").At(trial), gradient.Length);
            double length = Math.Max(raw.Norm(), 1e-12);
            double[] direction = [.. raw.Select(value => value / length)];
            double slope = Numbers.Slope(distance => at(direction, distance));
            Require.Near(
                slope, gradient.Dot(direction), DifferenceTolerance * (Terms + gradient.Norm()),
                $"{what} along a direction");
        }
    }

    private static double[][] Split(double[] flat, int[] sizes, double factor)
    {
        int next = 0;
        return [.. sizes.Select(size => Enumerable.Range(0, size).Select(_ => factor * flat[next++]).ToArray())];
    }

    private static void Begin(IVaccineStep step, StepCase drawn)
    {
        if (!step.Begin(drawn))
            throw new NotOfferedException(
                drawn.Model == StepModel.Any ? "a model is not offered" : $"a {drawn.Model} model is not offered");
    }

    private static double[] Gradient(IVaccineStep step, double rho, MicroBatch[] batches) =>
        Offered(step.Step(rho, batches), "a whole step").Gradient;

    private static double Loss(IVaccineStep step, int batch, double[][] epsilon) =>
        step.Loss(batch, epsilon) ?? throw new NotOfferedException("a loss under a perturbation is not offered");

    private static TValue Offered<TValue>(TValue? value, string what) where TValue : class =>
        value ?? throw new NotOfferedException($"{what}: not offered");

    private static void RequireDouble(IVaccineStep step)
    {
        if (step.MachineEpsilon > Math.ScaleB(1, -52))
            throw new NotOfferedException("finite differences need double precision");
    }
}
