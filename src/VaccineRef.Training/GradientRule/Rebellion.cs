using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of Rebellion; the default is that of its script.</summary>
/// <param name="Rho">Radius of the L2 ball around the embeddings of the safe data, at least 0.</param>
/// <param name="Dropout">Whether the two passes on the safe data share their dropout masks.</param>
/// <param name="Sites">Which hidden embeddings are moved; attention outputs unless said otherwise.</param>
public sealed record RebellionOptions(
    double Rho = 10, PassDropout Dropout = PassDropout.Shared, IReadOnlyList<SiteKind>? Sites = null) : RuleOptions
{
    /// <summary>The settings of Vaccine on the safe data.</summary>
    internal VaccineOptions OnSafe => new(Rho, PerturbationNorm.Batch, Dropout, Sites);

    /// <inheritdoc/>
    public override string Label() =>
        $"Rebellion, rho = {NumberText.Of(Rho)}{Dropout.Variation()}{SitesText.Of(Sites)}";

    /// <inheritdoc/>
    public override PassCount Passes() => new(3, 3);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Streams() => [StreamName.Task];

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new Rebellion<T>(this, device);

    /// <inheritdoc/>
    public override void Validate(string path) => RequireFinite(Rho, $"{path}.rho", "rho is not a radius");
}

/// <summary>
/// Vaccine's step on safe data, with the plain gradient of a task in the same step. Three forward and three reverse
/// passes.
/// <code>
/// g = d/dw f_safe with e_l := f_l(.) + eps_l  +  d/dw f_task,   eps_l = rho g_l / (||(g_1..g_L)|| + 1e-7)
/// </code>
/// The stage's data is the safe one and the stream "task" the other. Source: Huang et al., arXiv 2511.09682;
/// git-disl/Rebellion, trainer/vaccine_trainer.py (b099600), implemented from the formula.
/// </summary>
public sealed class Rebellion<T> : IGradientRule<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Vaccine<T> _vaccine;

    /// <summary>Prepares the rule on a device.</summary>
    /// <exception cref="InputException">rho is negative or not finite.</exception>
    public Rebellion(RebellionOptions options, Device device)
    {
        options.Validate("rule");
        _vaccine = new(options.OnSafe, device);
    }

    /// <inheritdoc/>
    public string Name => "rebellion";

    /// <summary>The perturbation of the last step. The next step overwrites it.</summary>
    public Perturbation<T> Epsilon => _vaccine.Epsilon;

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        var task = state.Next(StreamName.Task);
        var report = _vaccine.Accumulate(objective, batch, state, scale);
        state.Descend(objective, task, state.Pass(new NoTap<T>(), DropoutMasks.OtherBatch), scale);
        return report;
    }

    /// <inheritdoc/>
    public void Dispose() => _vaccine.Dispose();
}
