using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// The perturbation eps_l = rho g_l / (||(g_1..g_L)|| + 1e-7), which maximises the linearised loss over an L2 ball
/// around the hidden embeddings. Source: Eq. 3 of the paper; trainer.py of the released code for the 1e-7.
/// </summary>
public sealed class Perturbation<T>(double rho, PerturbationNorm norm, Device device) : IDisposable
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>
    /// Prevents NaN if the gradient is zero; because of it ||eps|| = rho G / (G + 1e-7), slightly less than rho.
    /// </summary>
    public const double Guard = 1e-7;

    private readonly Arena _arena = new(device);
    private readonly List<View<T>> _epsilon = [];
    private readonly SquaredNorm<T> _squaredNorm = new();
    private readonly MultiplyByMagnitude<T> _byMagnitude = new(0);
    private readonly AddScaled<T> _add = new(1);

    /// <summary>The sites, in the order the model reaches them.</summary>
    public IReadOnlyList<Site> Sites { get; private set; } = [];

    /// <summary>eps_l for each of <see cref="Sites"/>, (N, C).</summary>
    public IReadOnlyList<View<T>> Epsilon => _epsilon;

    /// <summary>The norm ||(g_1..g_L)|| over the batch.</summary>
    public double GradientNorm { get; private set; }

    /// <summary>The norm ||eps|| over the batch.</summary>
    public double Norm { get; private set; }

    /// <summary>
    /// Computes the perturbation from the gradients at the recorded sites, as long as the radius or of another length.
    /// </summary>
    public void Fill(Record<T> record, Gradients<T> gradients, PackedBatch batch, double? length = null)
    {
        var views = new View<T>[record.Hidden.Length];
        for (int site = 0; site < views.Length; site++)
            views[site] = gradients[record.Hidden[site]];
        Fill([.. record.Sites], views, batch, length);
    }

    /// <summary>Computes the perturbation at chosen sites from their gradients, which are copied.</summary>
    /// <param name="sites">The sites, in the order in which the model reaches them.</param>
    /// <param name="gradients">g_l of each, (N, C).</param>
    /// <param name="batch">The batch; a ball for each sequence takes the sequence's rows.</param>
    /// <param name="length">The length, where it is not the radius.</param>
    /// <exception cref="ArgumentException">There are not as many gradients as sites.</exception>
    public void Fill(
        IReadOnlyList<Site> sites, IReadOnlyList<View<T>> gradients, PackedBatch batch, double? length = null)
    {
        if (gradients.Count != sites.Count)
            throw new ArgumentException($"{sites.Count} sites have {gradients.Count} gradients", nameof(gradients));
        Begin(sites);
        foreach (var gradient in gradients)
            device.Copy(gradient, Add(gradient.Shape));
        Scale(batch, length ?? rho);
    }

    /// <summary>
    /// Copies the gradients at the recorded sites and leaves them as long as they are, for a ball that other
    /// micro-batches share.
    /// </summary>
    /// <returns>Their squared norm, over all sites.</returns>
    public double Load(Record<T> record, Gradients<T> gradients)
    {
        Begin([.. record.Sites]);
        foreach (var hidden in record.Hidden)
            device.Copy(gradients[hidden], Add(hidden.Shape));
        return Squared();
    }

    /// <summary>
    /// Draws a perturbation in a random direction and leaves it as long as it is, for a ball that other micro-batches
    /// share.
    /// </summary>
    /// <returns>Its squared norm, over all sites.</returns>
    public double Load(IReadOnlyList<Site> sites, Shape shape, RandomStream random)
    {
        Begin(sites);
        Draw(shape, random);
        return Squared();
    }

    /// <summary>Adds another perturbation of the same sites.</summary>
    /// <returns>The squared norm of the sum, over all sites.</returns>
    public double Add(Perturbation<T> other)
    {
        for (int i = 0; i < _epsilon.Count; i++)
            device.Run(_add, other._epsilon[i], _epsilon[i]);
        return Squared();
    }

    /// <summary>Multiplies all of it.</summary>
    public void Multiply(double factor)
    {
        var scale = new ScaleInPlace<T>(factor);
        foreach (var epsilon in _epsilon)
            device.Run(scale, epsilon);
    }

    /// <summary>
    /// Computes eps_l = rho e_l^2 g_l / (|| |e| g || + 1e-7), element by element: the maximiser over the ball || eps /
    /// |e| || &lt;= rho, in which an embedding moves by a share of its size. The record keeps its values
    /// (<see cref="Record{T}.ForGradients"/> is false).
    /// </summary>
    public void FillAdaptive(Record<T> record, Gradients<T> gradients, PackedBatch batch)
    {
        Begin([.. record.Sites]);
        foreach (var hidden in record.Hidden)
        {
            var epsilon = Add(hidden.Shape);
            device.Copy(gradients[hidden], epsilon);
            device.Run(_byMagnitude, epsilon, hidden.Value);
        }

        Scale(batch, rho);
        for (int i = 0; i < _epsilon.Count; i++)
            device.Run(_byMagnitude, _epsilon[i], record.Hidden[i].Value);
        Measure();
    }

    /// <summary>Adds another perturbation of the same sites and projects the sum onto the ball.</summary>
    public void Step(Perturbation<T> other, PackedBatch batch)
    {
        Add(other);
        foreach (var (first, rows) in Balls(batch))
            if (SquaredNorm(first, rows) is var squared && squared > rho * rho)
                Multiply(rho / Math.Sqrt(squared), first, rows);
        Measure();
    }

    /// <summary>Computes <see cref="Norm"/> again, after <see cref="Epsilon"/> was changed.</summary>
    public void Measure() => Norm = Math.Sqrt(device.Run(_squaredNorm, [.. _epsilon]));

    /// <summary>Draws a perturbation in a uniformly random direction. Every site has the same shape.</summary>
    public void Fill(IReadOnlyList<Site> sites, Shape shape, PackedBatch batch, RandomStream random)
    {
        Begin(sites);
        Draw(shape, random);
        Scale(batch, rho);
    }

    /// <summary>Bytes of <see cref="Epsilon"/>.</summary>
    public long Bytes => _arena.InUse;

    /// <inheritdoc/>
    public void Dispose() => _arena.Dispose();

    private void Draw(Shape shape, RandomStream random)
    {
        foreach (var site in Sites)
            device.Run(new FillNormal<T>(random.At(site.Layer).At((int)site.Kind)), Add(shape));
    }

    private double Squared()
    {
        double squared = 0;
        foreach (var epsilon in _epsilon)
            squared += device.Run(_squaredNorm, epsilon);
        return squared;
    }

    private void Begin(IReadOnlyList<Site> sites)
    {
        _arena.Rewind();
        _epsilon.Clear();
        Sites = sites;
    }

    private View<T> Add(Shape shape)
    {
        var epsilon = _arena.Allocate<T>(shape);
        _epsilon.Add(epsilon);
        return epsilon;
    }

    private void Scale(PackedBatch batch, double radius)
    {
        double gradientSquared = 0, epsilonSquared = 0;
        foreach (var (first, rows) in Balls(batch))
        {
            double squared = SquaredNorm(first, rows);
            Multiply(radius / (Math.Sqrt(squared) + Guard), first, rows);
            gradientSquared += squared;
            double length = radius * Math.Sqrt(squared) / (Math.Sqrt(squared) + Guard);
            epsilonSquared += length * length;
        }

        GradientNorm = Math.Sqrt(gradientSquared);
        Norm = Math.Sqrt(epsilonSquared);
    }

    private double SquaredNorm(int first, int rows)
    {
        double squared = 0;
        foreach (var epsilon in _epsilon)
            squared += device.Run(_squaredNorm, epsilon.SliceRows(first, rows));
        return squared;
    }

    private void Multiply(double factor, int first, int rows)
    {
        var scale = new ScaleInPlace<T>(factor);
        foreach (var epsilon in _epsilon)
            device.Run(scale, epsilon.SliceRows(first, rows));
    }

    /// <summary>The rows that share a ball: all of them, or those of a sequence.</summary>
    private IEnumerable<(int First, int Rows)> Balls(PackedBatch batch)
    {
        if (norm != PerturbationNorm.Sample)
            return [(0, batch.Rows)];
        return Enumerable.Range(0, batch.Sequences)
            .Select(s => (batch.Offsets[s], batch.Offsets[s + 1] - batch.Offsets[s]));
    }
}
