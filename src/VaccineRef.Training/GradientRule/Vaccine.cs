using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// Vaccine's min-max step, Algorithm 1 of arXiv 2402.01109 (Eqs. 1-3). It needs two forward passes, one reverse pass to the sites
/// and one to the trainable parameters:
/// <code>
/// inner maximisation   eps_l = rho g_l / ||(g_1..g_L)||,  g_l = df/de_l
/// outer minimisation   g = d/dw f with e_l := f_l(.) + eps_l, eps constant
/// </code>
/// </summary>
public sealed class Vaccine<T> : IGradientRule<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly VaccineOptions _options;
    private readonly SiteKind[] _sites;
    private readonly Perturbation<T> _epsilon;

    /// <summary>Prepares the rule on a device.</summary>
    /// <exception cref="InputException">rho is negative or not finite.</exception>
    public Vaccine(VaccineOptions options, Device device)
    {
        if (options.Rho is not (>= 0 and < double.PositiveInfinity))
            throw new InputException("rho is not a radius", "rho", $"{options.Rho}", "a finite number, at least 0");
        _options = options;
        _sites = [.. options.Sites ?? [SiteKind.AttentionOutput]];
        _epsilon = new Perturbation<T>(options.Rho, options.Norm, device);
    }

    /// <inheritdoc/>
    public string Name => "vaccine";

    /// <summary>The perturbation of the last step. The next step overwrites it.</summary>
    public Perturbation<T> Epsilon => _epsilon;

    /// <summary>Which of the sites are perturbed; null for all of them. May change between steps.</summary>
    public Func<Site, bool>? Where { get; set; }

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        var record = new Record<T>(_sites, Where) { ForGradients = true };
        var first = state.Pass(record);
        double clean = state.Loss(objective, batch, first, out var loss);              // f(w; x)
        SitePass.RequireSites(record);
        var gradients = state.Tape.Backward(loss, record.Hidden);                      // g_l = df/de_l; no weight gradient is formed
        _epsilon.Fill(record, gradients, batch);                                       // eps_l = rho g_l / ||g||, a copy
        state.Tape.Clear();

        var shift = new Shift<T>(_epsilon);                                            // e_l + eps_l at every site
        var second = state.Pass(shift, _options.Dropout.Pass(1));
        double moved = state.Descend(objective, batch, second, scale);
        shift.RequireAllApplied();
        return new(moved, clean, _epsilon.GradientNorm, _epsilon.Norm);
    }

    /// <inheritdoc/>
    public void Dispose() => _epsilon.Dispose();
}
