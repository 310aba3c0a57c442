using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// The two halves of a min-max step, for rules that differ from Vaccine in what happens between them.
/// </summary>
internal static class SitePass
{
    /// <summary>Forward, and reverse to the sites. The gradients last until the tape is cleared.</summary>
    /// <param name="state">The state.</param>
    /// <param name="objective">What is minimised.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="record">Where the hidden embeddings are remembered.</param>
    /// <param name="tap">The tap of the pass, where it is more than the record.</param>
    /// <param name="pass">The number of the pass, which decides its dropout masks.</param>
    /// <exception cref="InputException">The model has none of the sites.</exception>
    public static (double Loss, Gradients<T> Gradients) Ascend<T>(
        TrainState<T> state, IObjective<T> objective, PackedBatch batch, Record<T> record, ITap<T>? tap = null,
        int pass = 0)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        double value = state.Loss(objective, batch, state.Pass(tap ?? record, pass), out var loss);
        RequireSites(record);
        return (value, state.Tape.Backward(loss, record.Hidden));
    }

    /// <summary>
    /// Forward, and one reverse to the sites and to the parameters, whose gradient goes into a vector of its own.
    /// </summary>
    /// <param name="state">The state.</param>
    /// <param name="objective">What is minimised.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="record">Where the hidden embeddings are remembered.</param>
    /// <param name="parameters">Becomes the gradient of the parameters.</param>
    /// <param name="pass">The number of the pass, which decides its dropout masks.</param>
    /// <param name="use">Is given the gradients at the sites, which are void afterwards.</param>
    /// <exception cref="InputException">The model has none of the sites.</exception>
    public static void Ascend<T>(
        TrainState<T> state, IObjective<T> objective, PackedBatch batch, Record<T> record,
        ParameterVector<T> parameters, int pass,
        Action<Gradients<T>> use) where T : unmanaged, IFloatingPointIeee754<T>
    {
        parameters.Clear(state.Trainable);
        state.Loss(objective, batch, state.Pass(record, pass), out var loss);
        RequireSites(record);
        use(state.Tape.BackwardToParameters(loss, 1, parameters.Of, record.Hidden));
        state.Tape.Clear();
    }

    /// <summary>Forward with the perturbation added, and reverse to the parameters.</summary>
    public static double Descend<T>(
        TrainState<T> state, IObjective<T> objective, PackedBatch batch, Shift<T> shift, double scale, int pass = 0)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        double moved = state.Descend(objective, batch, state.Pass(shift, pass), scale);
        shift.RequireAllApplied();
        return moved;
    }

    /// <summary>Requires that the model reached a site that was asked for.</summary>
    /// <exception cref="InputException">The model has none of the sites.</exception>
    public static void RequireSites<T>(Record<T> record) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (record.Sites.Count == 0)
            throw new InputException(
                "the model has none of the sites asked for", "sites", string.Join(", ", record.Kinds),
                "sites that the model has");
    }
}
