using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// How much the alignment loss f rises if the hidden embeddings move a given share of their length to where it rises
/// fastest:
/// <code>
/// eps = share ||e|| g / (||g|| + 1e-7),  g = df/de        over all layers and tokens of a batch together
/// sharpness = f(e + eps) - f(e)                           in nats per counted token
/// </code>
/// To train f(e + eps) is what Vaccine does (Eq. 2 of arXiv 2402.01109), so that a model which it made robust has a low
/// sharpness. The radius is a share of ||e||, because a longer embedding that moves as far has changed less.
/// </summary>
public static class Sharpness
{
    /// <summary>
    /// Measures a model. It takes two forward passes and one reverse pass to the sites for each batch.
    /// </summary>
    /// <param name="model">The model, in which nothing needs to be trainable.</param>
    /// <param name="batches">Alignment data with labels.</param>
    /// <param name="share">The radius, as a share of ||e||.</param>
    /// <param name="device">Where the model lives.</param>
    /// <exception cref="ArgumentException">No token of the batches counts.</exception>
    /// <exception cref="NonFiniteException">A loss is NaN or infinite.</exception>
    public static double Of<T>(ILanguageModel<T> model, IEnumerable<PackedBatch> batches, double share, Device device)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var tape = new Tape<T>(device);
        using var epsilon = new Perturbation<T>(share, PerturbationNorm.Batch, device);
        var (objective, squaredNorm) = (new CrossEntropyObjective<T>(model), new SquaredNorm<T>());
        double rise = 0;
        long tokens = 0;
        foreach (var batch in batches)
        {
            var record = new Record<T>(SiteKind.AttentionOutput);
            var loss = objective.Loss(new Pass<T>(tape, record), batch);
            double clean = Finite(tape.Read(loss), batch), length = 0;
            foreach (var hidden in record.Hidden)
                length += device.Run(squaredNorm, hidden.Value);
            epsilon.Fill(record, tape.Backward(loss, record.Hidden), batch, share * Math.Sqrt(length));
            tape.Clear();
            var shift = new Shift<T>(epsilon);
            rise += batch.Counted * (Finite(tape.Read(objective.Loss(new Pass<T>(tape, shift), batch)), batch) - clean);
            shift.RequireAllApplied();
            tape.Clear();
            tokens += batch.Counted;
        }

        return tokens > 0
            ? rise / tokens
            : throw new ArgumentException("no token of the batches counts", nameof(batches));
    }

    private static double Finite(double loss, PackedBatch batch) =>
        double.IsFinite(loss) ? loss : throw new NonFiniteException("the alignment loss", 0, null, batch.Ids);
}
