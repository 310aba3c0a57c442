using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// Vaccine's min-max step, Algorithm 1 of arXiv 2402.01109 (Eqs. 1-3). It needs two forward passes, one reverse pass to
/// the sites and one to the trainable parameters:
/// <code>
/// inner maximisation   eps_l = rho g_l / ||(g_1..g_L)||,  g_l = df/de_l
/// outer minimisation   g = d/dw f with e_l := f_l(.) + eps_l, eps constant
/// </code>
/// </summary>
public sealed class Vaccine<T> : IGradientRule<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly VaccineOptions _options;
    private readonly SiteKind[] _sites;
    private readonly Perturbation<T> _alone;
    private readonly SharedBall<T> _ball;
    private readonly Dictionary<int, double> _clean = [];       // f(w; x) of the micro-batches that share a ball

    /// <summary>Prepares the rule on a device.</summary>
    /// <exception cref="InputException">rho is negative or not finite.</exception>
    public Vaccine(VaccineOptions options, Device device)
    {
        if (options.Rho is not (>= 0 and < double.PositiveInfinity))
            throw new InputException("rho is not a radius", "rho", $"{options.Rho}", "a finite number, at least 0");
        _options = options;
        _sites = [.. options.Sites ?? [SiteKind.AttentionOutput]];
        (_alone, _ball) = (new(options.Rho, options.Norm, device), new(options.Rho, options.Norm, device));
        Epsilon = _alone;
    }

    /// <inheritdoc/>
    public string Name => "vaccine";

    /// <inheritdoc/>
    public long StateBytes => _ball.SpareBytes;

    /// <summary>The perturbation of the last micro-batch. The next step overwrites it.</summary>
    public Perturbation<T> Epsilon { get; private set; }

    /// <summary>Which of the sites are perturbed; null for all of them. May change between steps.</summary>
    public Func<Site, bool>? Where { get; set; }

    /// <inheritdoc/>
    public void Survey(IObjective<T> objective, StepBatches batches, TrainState<T> state)
    {
        if (!_ball.IsShared)
            return;
        _ball.Begin(batches, state);
        _ball.Fill(i =>
        {
            double squared = 0;
            _clean[i] = Ascend(
                objective, batches.All[i], state, (record, gradients) => squared = _ball[i].Load(record, gradients));
            return squared;
        });
    }

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        bool shared = _ball.Has(state);
        Epsilon = shared ? _ball[state.MicroBatch] : _alone;
        double clean = shared
            ? _clean[state.MicroBatch]
            : Ascend(objective, batch, state, (record, gradients) => _alone.Fill(record, gradients, batch));

        var shift = new Shift<T>(Epsilon);                                             // e_l + eps_l at every site
        var second = state.Pass(shift, _options.Dropout.Pass(1));
        double moved = state.Descend(objective, batch, second, scale);
        shift.RequireAllApplied();
        return shared
            ? new(moved, clean, _ball.GradientNorm, _ball.Norm)
            : new(moved, clean, Epsilon.GradientNorm, Epsilon.Norm);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _alone.Dispose();
        _ball.Dispose();
    }

    private double Ascend(
        IObjective<T> objective, PackedBatch batch, TrainState<T> state, Action<Record<T>, Gradients<T>> fill)
    {
        var record = new Record<T>(_sites, Where) { ForGradients = true };
        double clean = state.Loss(objective, batch, state.Pass(record), out var loss); // f(w; x)
        SitePass.RequireSites(record);
        // eps_l = rho g_l / ||g||, g_l = df/de_l, a copy;
        fill(record, state.Tape.Backward(loss, record.Hidden));
        state.Tape.Clear();                                                            // no weight gradient is formed
        return clean;
    }
}
