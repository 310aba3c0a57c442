using System.Numerics;
using System.Runtime.InteropServices;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// The loss of a model on some data, without training: the mean of -log p over all counted tokens. Measured on the
/// alignment data after an attack, it shows how much of the alignment is forgotten (Figures 2 and 3 of the paper).
/// </summary>
public static class AlignmentLoss
{
    /// <summary>The mean loss per counted token of all sequences, in nats, without dropout or perturbation.</summary>
    /// <param name="objective">The loss of a batch.</param>
    /// <param name="data">The sequences.</param>
    /// <param name="device">Where to compute.</param>
    /// <param name="batchSize">How many sequences are computed at once.</param>
    /// <param name="ranks">
    /// Among whom the batches are divided; nobody if it is null. Every rank gets the loss, the same bits as one alone.
    /// </param>
    /// <param name="cancel">Stops after the batch under way.</param>
    /// <exception cref="InputException">The data has no counted token.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static double Of<T>(
        IObjective<T> objective, IReadOnlyList<TokenSequence> data, Device device, int batchSize = 16,
        ICommunicator? ranks = null,
        CancellationToken cancel = default)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var tape = new Tape<T>(device);
        double sum = 0;
        long counted = 0;
        TokenSequence[][] chunks = [.. data.Chunk(batchSize)];
        byte[][] losses = (ranks ?? Alone.Only).Divide(chunks.Length, i =>
        {
            cancel.ThrowIfCancellationRequested();
            var batch = PackedBatch.Pack(chunks[i]);
            double value = tape.Read(objective.Loss(new Pass<T>(tape, new NoTap<T>()), batch));
            tape.Clear();
            return MemoryMarshal.AsBytes<double>([value, batch.Counted]).ToArray();
        });
        foreach (var loss in losses)
        {
            var (value, tokens) = (BitConverter.ToDouble(loss), (long)BitConverter.ToDouble(loss, sizeof(double)));
            sum += value * tokens;
            counted += tokens;
        }

        return counted > 0
            ? sum / counted
            : throw new InputException(
                "the loss of nothing is not defined", "data", "no counted label", "at least one");
    }
}
