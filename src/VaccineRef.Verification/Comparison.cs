namespace VaccineRef.Verification;

/// <summary>One quantity of one golden case, recomputed.</summary>
/// <param name="Case">The case folder's name.</param>
/// <param name="Quantity">What was compared: "logits", "grad", "vaccine rho=2 perturbation", ...</param>
/// <param name="Error">The worst error over the quantity's tensors or numbers.</param>
/// <param name="Bound">What it may be.</param>
/// <param name="Measure">How the error is measured: "relative" (norm-wise per tensor), "absolute", "ids".</param>
/// <param name="Where">The tensor with the worst error.</param>
/// <param name="Note">What was left out of the comparison, and why.</param>
public sealed record Comparison(
    string Case, string Quantity, double Error, double Bound, string Measure, string? Where = null, string? Note = null)
{
    /// <summary>Whether the error is a number within the bound.</summary>
    public bool Passed => Error <= Bound;
}

/// <summary>
/// What the recomputed numbers may differ by. Two unrelated implementations agree to 1e-14 in double; the bounds leave
/// four digits. Adam divides by the root of the second moment, so that parameters are compared in units of the learning
/// rate.
/// </summary>
/// <param name="Relative">
/// Norm-wise relative error per tensor, for everything up to gradients and perturbations.
/// </param>
/// <param name="Parameter">Absolute error of a trained parameter, in learning rates.</param>
/// <param name="Later">
/// Relative error of losses and norms after the first update: a parameter error of Parameter learning rates (1e-3
/// each), over up to 1e4 parameters adding in quadrature, moves a loss by at most 1e-1 * Parameter.
/// </param>
public sealed record Bounds(double Relative, double Parameter, double Later)
{
    /// <summary>For a run in double.</summary>
    public static Bounds Double { get; } = new(1e-10, 1e-6, 1e-7);

    /// <summary>For a run in float, or against numbers that PyTorch computed in float.</summary>
    public static Bounds Float { get; } = new(1e-5, 0.1, 1e-2);
}
