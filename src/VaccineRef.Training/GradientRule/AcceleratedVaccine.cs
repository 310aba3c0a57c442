using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// Algorithm 2 (appendix A of the paper): only every tau-th step is a Vaccine step, that is if t mod tau = 0 with t from 1; all other
/// steps are plain. With tau = 1 this is Algorithm 1, and with tau beyond the last step it is plain fine-tuning.
/// </summary>
public sealed class AcceleratedVaccine<T> : IGradientRule<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Vaccine<T> _vaccine;
    private readonly Plain<T> _plain = new();
    private readonly int _tau;

    /// <summary>Uses <paramref name="vaccine"/> in every <paramref name="tau"/>-th step. This rule disposes it.</summary>
    /// <exception cref="InputException">tau is below 1.</exception>
    public AcceleratedVaccine(Vaccine<T> vaccine, int tau)
    {
        if (tau < 1)
            throw new InputException("tau is not a number of steps", "tau", $"{tau}", "a whole number, at least 1");
        (_vaccine, _tau) = (vaccine, tau);
    }

    /// <inheritdoc/>
    public string Name => "accelerated_vaccine";

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        IGradientRule<T> rule = state.Step % _tau == 0 ? _vaccine : _plain;
        return rule.Accumulate(objective, batch, state, scale);
    }

    /// <inheritdoc/>
    public void Dispose() => _vaccine.Dispose();
}
