using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// The diagonal of the empirical Fisher information of the trainable parameters on some data: how much each parameter
/// matters for the data. Dropout is off.
/// <code>
/// paper         F = mean over samples of (d log p(sample) / dw)^2: the definition, with the data in place of the
/// expectation as released   F = sum over batches of (gradient of the batch's mean loss)^2 (see docs/deviations.md,
/// D12). It grows with the
///               number of batches and shrinks with their size, so that the same lambda means different things
/// </code>
/// </summary>
public sealed class FisherDiagonal<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Arena _memory;

    private FisherDiagonal(Arena memory, IReadOnlyList<View<T>> values) => (_memory, Values) = (memory, values);

    /// <summary>F for each parameter.</summary>
    public IReadOnlyList<View<T>> Values { get; }

    /// <summary>Computes F from one gradient for each batch.</summary>
    /// <param name="objective">The objective whose loss is -log p.</param>
    /// <param name="parameters">The parameters. They are frozen afterwards.</param>
    /// <param name="batches">The data; for <see cref="Variant.Paper"/>, batches of one sequence each.</param>
    /// <param name="form">Which form of F to compute.</param>
    /// <param name="device">Where the parameters live.</param>
    /// <exception cref="InputException">There is no data.</exception>
    public static FisherDiagonal<T> Estimate(
        IObjective<T> objective, IReadOnlyList<Parameter<T>> parameters, IReadOnlyList<PackedBatch> batches,
        Variant form,
        Device device)
    {
        if (batches.Count == 0)
            throw new InputException(
                "there is nothing to estimate the Fisher information on", "data", "0 batches", "at least one");
        using var state = new TrainState<T>(device, parameters, seed: 0);
        var memory = new Arena(device);
        View<T>[] values = [.. parameters.Select(parameter => memory.Allocate<T>(parameter.Shape, clear: true))];
        var add = new AddSquares<T>(form == Variant.Paper ? 1.0 / batches.Count : 1);
        foreach (var batch in batches)
        {
            state.BeginStep();
            state.Tape.BackwardToParameters(objective.Loss(new Pass<T>(state.Tape, new NoTap<T>()), batch));
            state.Tape.Clear();
            for (int i = 0; i < values.Length; i++)
                device.Run(add, parameters[i].Gradient, values[i]);
        }

        return new(memory, values);
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();
}
