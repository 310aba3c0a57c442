using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// Remembers the first site whose hidden embedding is not finite. In all else it does what another tap does.
/// </summary>
internal sealed class WatchFinite<T>(ITap<T> inner) : ITap<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly FirstNonFinite<T> _first = new();

    public Site? First { get; private set; }

    /// <summary>
    /// Runs a pass again whose loss is not finite and says where that begins. Clears the tape before and after.
    /// </summary>
    public static string FirstSite(IObjective<T> objective, PackedBatch batch, Pass<T> pass)
    {
        pass.Tape.Clear();
        var watch = new WatchFinite<T>(pass.Tap);
        objective.Loss(pass with { Tap = watch }, batch);
        pass.Tape.Clear();
        return watch.First?.ToString() ?? "the loss itself";
    }

    public bool Keeps(SiteKind kind) => inner.Keeps(kind);

    public Tensor<T> At(Site site, Tensor<T> hidden, Pass<T> pass)
    {
        hidden = inner.At(site, hidden, pass);
        if (First is null && pass.Tape.Device.Run(_first, hidden.Value) >= 0)
            First = site;
        return hidden;
    }
}
