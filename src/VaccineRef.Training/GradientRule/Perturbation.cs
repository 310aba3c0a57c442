using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// The perturbation eps_l = rho g_l / (||(g_1..g_L)|| + 1e-7), which maximises the linearised loss over an L2 ball around the hidden
/// embeddings. Source: Eq. 3 of the paper; trainer.py of the released code for the 1e-7.
/// </summary>
public sealed class Perturbation<T>(double rho, PerturbationNorm norm, Device device) : IDisposable
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Prevents NaN if the gradient is zero; because of it ||eps|| = rho G / (G + 1e-7), slightly less than rho.</summary>
    public const double Guard = 1e-7;

    private readonly Arena _arena = new(device);
    private readonly List<View<T>> _epsilon = [];
    private readonly SquaredNorm<T> _squaredNorm = new();

    /// <summary>The sites, in the order the model reaches them.</summary>
    public IReadOnlyList<Site> Sites { get; private set; } = [];

    /// <summary>eps_l for each of <see cref="Sites"/>, (N, C).</summary>
    public IReadOnlyList<View<T>> Epsilon => _epsilon;

    /// <summary>The norm ||(g_1..g_L)|| over the batch.</summary>
    public double GradientNorm { get; private set; }

    /// <summary>The norm ||eps|| over the batch.</summary>
    public double Norm { get; private set; }

    /// <summary>Computes the perturbation from the gradients at the recorded sites.</summary>
    public void Fill(Record<T> record, Gradients<T> gradients, PackedBatch batch)
    {
        var views = new View<T>[record.Hidden.Length];
        for (int site = 0; site < views.Length; site++)
            views[site] = gradients[record.Hidden[site]];
        Fill([.. record.Sites], views, batch);
    }

    /// <summary>Computes the perturbation at chosen sites from their gradients, which are copied.</summary>
    /// <param name="sites">The sites, in the order in which the model reaches them.</param>
    /// <param name="gradients">g_l of each, (N, C).</param>
    /// <param name="batch">The batch; a ball for each sequence takes the sequence's rows.</param>
    /// <exception cref="ArgumentException">There are not as many gradients as sites.</exception>
    public void Fill(IReadOnlyList<Site> sites, IReadOnlyList<View<T>> gradients, PackedBatch batch)
    {
        if (gradients.Count != sites.Count)
            throw new ArgumentException($"{sites.Count} sites have {gradients.Count} gradients", nameof(gradients));
        Begin(sites);
        foreach (var gradient in gradients)
            device.Copy(gradient, Add(gradient.Shape));
        Scale(batch);
    }

    /// <summary>Draws a perturbation in a uniformly random direction. Every site has the same shape.</summary>
    public void Fill(IReadOnlyList<Site> sites, Shape shape, PackedBatch batch, RandomStream random)
    {
        Begin(sites);
        foreach (var site in sites)
            device.Run(new FillNormal<T>(random.At(site.Layer).At((int)site.Kind)), Add(shape));
        Scale(batch);
    }

    /// <inheritdoc/>
    public void Dispose() => _arena.Dispose();

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

    private void Scale(PackedBatch batch)
    {
        int balls = norm == PerturbationNorm.Batch ? 1 : batch.Sequences;
        double gradientSquared = 0, epsilonSquared = 0;
        for (int ball = 0; ball < balls; ball++)
        {
            (int first, int end) = balls == 1 ? (0, batch.Rows) : (batch.Offsets[ball], batch.Offsets[ball + 1]);
            double squared = ScaleToBall(first, end - first);
            gradientSquared += squared;
            double length = rho * Math.Sqrt(squared) / (Math.Sqrt(squared) + Guard);
            epsilonSquared += length * length;
        }

        GradientNorm = Math.Sqrt(gradientSquared);
        Norm = Math.Sqrt(epsilonSquared);
    }

    /// <summary>Scales the given rows of all sites to a joint norm of rho. Returns the square of their norm before.</summary>
    private double ScaleToBall(int first, int rows)
    {
        double squared = 0;
        foreach (var epsilon in _epsilon)
            squared += device.Run(_squaredNorm, epsilon.SliceRows(first, rows));
        var scale = new ScaleInPlace<T>(rho / (Math.Sqrt(squared) + Guard));
        foreach (var epsilon in _epsilon)
            device.Run(scale, epsilon.SliceRows(first, rows));
        return squared;
    }
}
