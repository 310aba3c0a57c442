using System.Numerics;
using System.Runtime.InteropServices;
using VaccineRef.Core;

namespace VaccineRef.Training;

/// <summary>
/// A perturbation for each micro-batch that this rank takes, in a ball that they share among all ranks or in this rank:
/// <code>
/// G   = || (w_1 g_1, .. w_m g_m) ||       over the micro-batches of the ball; w_i is the weight of the loss f_i in the
/// sum of their losses eps_i = rho w_i g_i / (G + 1e-7)        of micro-batch i
/// </code>
/// which is the perturbation of that sum. The squared norms are exchanged and added in the order of the micro-batches,
/// so that the number of ranks changes no bit. All perturbations are kept until the micro-batches are trained on.
/// </summary>
internal sealed class SharedBall<T>(double rho, PerturbationNorm norm, Device device) : IDisposable
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly List<Perturbation<T>> _each = [];
    private StepBatches? _batches;
    private TrainState<T>? _state;
    private int _step;

    /// <summary>Whether micro-batches share a ball.</summary>
    public bool IsShared => norm is PerturbationNorm.World or PerturbationNorm.Rank;

    /// <summary>The norm of the weighted gradients over all balls.</summary>
    public double GradientNorm { get; private set; }

    /// <summary>The norm ||eps|| over all balls.</summary>
    public double Norm { get; private set; }

    /// <summary>Bytes of all perturbations but the largest, which the pass that adds it counts.</summary>
    public long SpareBytes => _each.Sum(each => each.Bytes) - (_each.Count > 0 ? _each.Max(each => each.Bytes) : 0);

    /// <summary>The perturbation of a micro-batch of this rank.</summary>
    public Perturbation<T> this[int microBatch] => _each[microBatch / _batches!.Ranks];

    /// <summary>Begins a step.</summary>
    public void Begin(StepBatches batches, TrainState<T> state)
    {
        (_batches, _state, _step) = (batches, state, state.Step);
        while (_each.Count < batches.Own.Count())
            _each.Add(new(rho, PerturbationNorm.Batch, device));
    }

    /// <summary>Whether the perturbations are those of the step that a state is in.</summary>
    public bool Has(TrainState<T> state) => IsShared && ReferenceEquals(_state, state) && _step == state.Step;

    /// <summary>Fills every perturbation and makes them as long as the ball together.</summary>
    /// <param name="load">Loads that of a micro-batch, and gives its squared norm.</param>
    /// <param name="weighted">Whether the micro-batches count as much as their losses do; else as they are.</param>
    /// <param name="length">The length, where it is not the radius.</param>
    public void Fill(Func<int, double> load, bool weighted = true, double? length = null)
    {
        double radius = length ?? rho;
        double Weight(int i) =>
            !weighted ? 1 : norm == PerturbationNorm.World ? _batches!.Scale(i) : _batches!.ScaleInRank(i);
        double[] balls = Balls(load, Weight);
        double own = balls[norm == PerturbationNorm.World ? 0 : _batches!.Rank];
        foreach (int i in _batches!.Own)
            this[i].Multiply(radius * Weight(i) / (Math.Sqrt(own) + Perturbation<T>.Guard));
        double gradients = 0, epsilons = 0;
        foreach (double squared in balls)
        {
            double each = radius * Math.Sqrt(squared) / (Math.Sqrt(squared) + Perturbation<T>.Guard);
            (gradients, epsilons) = (gradients + squared, epsilons + (each * each));
        }

        (GradientNorm, Norm) = (Math.Sqrt(gradients), Math.Sqrt(epsilons));
    }

    /// <summary>Adds the perturbations of another one to these, and projects the sums onto the ball.</summary>
    public void Step(SharedBall<T> other)
    {
        double[] balls = Balls(i => this[i].Add(other[i]), _ => 1);
        double own = balls[norm == PerturbationNorm.World ? 0 : _batches!.Rank];
        if (own > rho * rho)
            foreach (int i in _batches!.Own)
                this[i].Multiply(rho / Math.Sqrt(own));
        Norm = Math.Sqrt(balls.Sum(squared => Math.Min(squared, rho * rho)));
    }

    /// <inheritdoc/>
    public void Dispose() => _each.ForEach(each => each.Dispose());

    /// <summary>
    /// The squared norm of each ball: of all micro-batches, or of those of each rank. What is measured on another rank
    /// is exchanged.
    /// </summary>
    private double[] Balls(Func<int, double> squared, Func<int, double> weight)
    {
        var batches = _batches!;
        byte[][] parts = _state!.Ranks.Share(() =>
        {
            double[] own = [.. batches.Own.Select(i =>
            {
                _state.GoTo(i);
                return squared(i);
            })];
            _state.GoTo(0);
            _state.Remembered.NextPhase();
            return MemoryMarshal.AsBytes<double>(own).ToArray();
        });
        double[] balls = new double[norm == PerturbationNorm.World ? 1 : batches.Ranks];
        for (int i = 0; i < batches.All.Count; i++)
        {
            double w = weight(i), s = MemoryMarshal.Cast<byte, double>(parts[i % batches.Ranks])[i / batches.Ranks];
            balls[norm == PerturbationNorm.World ? 0 : i % batches.Ranks] += w * w * s;
        }

        return balls;
    }
}
