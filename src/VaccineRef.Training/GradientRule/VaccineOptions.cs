using System.Text.Json.Serialization;
using VaccineRef.Core;

namespace VaccineRef.Training;

/// <summary>
/// What the L2 ball of the perturbation contains. With one micro-batch in a step, world, rank and batch are the same
/// bits.
/// </summary>
[JsonConverter(typeof(SnakeCase<PerturbationNorm>))]
public enum PerturbationNorm
{
    /// <summary>
    /// One ball for each micro-batch: all its sites, sequences and tokens, as in the released code on one device. A
    /// step of m micro-batches has ||eps|| = rho sqrt(m).
    /// </summary>
    Batch,

    /// <summary>One ball for each sequence: all its sites and tokens.</summary>
    Sample,

    /// <summary>
    /// One ball for the whole step: all micro-batches of all ranks, each with its weight in the step's loss. ||eps|| =
    /// rho, and it is the perturbation of the one large batch, however it is divided.
    /// </summary>
    World,

    /// <summary>
    /// One ball for the micro-batches of each rank, as the released code has under torchrun with one for each process:
    /// N ranks have ||eps|| = rho sqrt(N). What is found depends on their number.
    /// </summary>
    Rank,
}

/// <summary>Whether both passes of a step see the same dropout masks.</summary>
[JsonConverter(typeof(SnakeCase<PassDropout>))]
public enum PassDropout
{
    /// <summary>Each pass draws its own masks, as in the released code (see docs/deviations.md, D7).</summary>
    Fresh,

    /// <summary>
    /// Both passes use the same masks, so that eps is computed for the same function f to which it is applied
    /// (Algorithm 1).
    /// </summary>
    Shared,
}

/// <summary>The numbers of the passes of a step: passes with the same number see the same dropout masks.</summary>
internal static class DropoutMasks
{
    /// <summary>The number of the first pass on another batch than the stage's.</summary>
    public const int OtherBatch = 2;

    /// <summary>The number of a pass on the same batch, counted from 0.</summary>
    public static int Pass(this PassDropout dropout, int pass) => dropout == PassDropout.Shared ? 0 : pass;

    /// <summary>As it follows a label; nothing where it is the default.</summary>
    public static string Variation(this PassDropout dropout) => dropout == PassDropout.Shared ? "" : ", dropout fresh";
}

/// <summary>The settings of the Vaccine rule.</summary>
/// <param name="Rho">The radius of the L2 ball, at least 0.</param>
/// <param name="Norm">What the ball contains.</param>
/// <param name="Dropout">Whether the two passes share their dropout masks.</param>
/// <param name="Sites">Which hidden embeddings are perturbed; the attention outputs by default.</param>
public sealed record VaccineOptions(
    double Rho, PerturbationNorm Norm = PerturbationNorm.World, PassDropout Dropout = PassDropout.Shared,
    IReadOnlyList<SiteKind>? Sites = null) : RuleOptions
{
    /// <inheritdoc/>
    public override string Label() => $"Vaccine, rho = {NumberText.Of(Rho)}{Variations()}";

    /// <inheritdoc/>
    public override PassCount Passes() => new(2, 2);

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new Vaccine<T>(this, device);

    /// <inheritdoc/>
    public override void Validate(string path) => RequireFinite(Rho, $"{path}.rho", "rho is not a radius");

    /// <summary>The settings that differ from the defaults, as they follow a label.</summary>
    internal string Variations() => string.Concat(
        Norm == PerturbationNorm.World ? "" : $", norm {SnakeCase.Of(Norm)}", Dropout.Variation(),
        SitesText.Of(Sites));
}

/// <summary>Sites as they follow a label.</summary>
internal static class SitesText
{
    /// <summary>", sites attentionoutput+..."; nothing where the defaults are meant.</summary>
    public static string Of(IReadOnlyList<SiteKind>? sites) =>
        sites is null ? "" : $", sites {string.Join('+', sites).ToLowerInvariant()}";
}
