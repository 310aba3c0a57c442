using System.Numerics;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The plain rule has no settings.</summary>
public sealed record PlainOptions : RuleOptions
{
    /// <inheritdoc/>
    public override string Label() => "SFT";

    /// <inheritdoc/>
    public override PassCount Passes() => new(1, 1);

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Core.Device device) => new Plain<T>();
}

/// <summary>
/// g = df/dw, by one forward pass and one reverse pass: supervised fine-tuning (SFT), and the attack.
/// </summary>
public sealed class Plain<T> : IGradientRule<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public string Name => "plain";

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1) =>
        new(state.Descend(objective, batch, state.Pass(new Core.NoTap<T>()), scale));
}
