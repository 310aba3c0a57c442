namespace VaccineRef.Laws;

/// <summary>
/// Somebody's own Vaccine step, in plain numbers, as the laws see it. Only <see cref="Perturb"/> has to be there: it is
/// enough for seven laws. Everything else is offered by overriding it; a law that needs what is not offered is reported
/// as not checked.
/// </summary>
public interface IVaccineStep
{
    /// <summary>What is added to the norm to prevent a division by zero: eps_l = rho g_l / (||g|| + guard).</summary>
    double Guard => 1e-7;

    /// <summary>
    /// The machine epsilon of the arithmetic: 2^-52 for double, 2^-23 for float. Tolerances follow from it.
    /// </summary>
    double MachineEpsilon => Math.ScaleB(1, -52);

    /// <summary>The inner maximisation: eps_l for the gradients g_l, one array for each site.</summary>
    /// <param name="gradients">g_l = dL/de_l.</param>
    /// <param name="rho">The radius of the ball.</param>
    double[][] Perturb(double[][] gradients, double rho);

    /// <summary>
    /// Makes a small model with two batches for a case, and forgets the one before. Whatever the case's extents and
    /// seed are used for, the same case must give the same model. Its loss must be smooth: no ReLU, no dropout.
    /// </summary>
    /// <returns>False if there is no model of the case's kind.</returns>
    bool Begin(StepCase drawn) => false;

    /// <summary>g_l = dL/de_l at every site of the unmoved model; null if it is not offered.</summary>
    /// <param name="batch">0 or 1.</param>
    double[][]? Gradients(int batch) => null;

    /// <summary>L, where every e_l is e_l + eps_l; null if it is not offered.</summary>
    /// <param name="batch">0 or 1.</param>
    /// <param name="epsilon">eps_l for every site; no site at all for the unmoved model.</param>
    double? Loss(int batch, double[][] epsilon) => null;

    /// <summary>The trained weights, end to end; null if they are not offered.</summary>
    double[]? Weights() => null;

    /// <summary>Puts the trained weights back, or moves them.</summary>
    void SetWeights(double[] weights) => throw new NotOfferedException("weights are not offered");

    /// <summary>
    /// One whole step up to the gradient that the optimizer would get, in the order of <see cref="Weights"/>: it begins
    /// from gradients of zero and does not change the weights. Null if it is not offered.
    /// </summary>
    /// <param name="rho">The radius of the ball.</param>
    /// <param name="batches">The micro-batches, each with its scale.</param>
    StepResult? Step(double rho, IReadOnlyList<MicroBatch> batches) => null;

    /// <summary>Merges the low-rank adapter of an adapted model into its weights, or takes it out again.</summary>
    /// <returns>False if it is not offered.</returns>
    bool Merge(bool merged) => false;
}

/// <summary>One micro-batch of a step.</summary>
/// <param name="Batch">0 or 1.</param>
/// <param name="Scale">Its weight in the step's gradient.</param>
public readonly record struct MicroBatch(int Batch, double Scale = 1);

/// <summary>What a step gives.</summary>
/// <param name="Gradient">The gradient that the optimizer would get.</param>
/// <param name="Forwards">Forward passes that it took; null if nobody counted.</param>
/// <param name="Reverses">Reverse passes that it took; null if nobody counted.</param>
public sealed record StepResult(double[] Gradient, int? Forwards = null, int? Reverses = null);
