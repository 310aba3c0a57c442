using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Training;

/// <summary>Remembers the first site whose hidden embedding is not finite. In all else it does what another tap does.</summary>
internal sealed class WatchFinite<T>(ITap<T> inner) : ITap<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly FirstNonFinite<T> _first = new();

    public Site? First { get; private set; }

    public bool Keeps(SiteKind kind) => inner.Keeps(kind);

    public Tensor<T> At(Site site, Tensor<T> hidden, Pass<T> pass)
    {
        hidden = inner.At(site, hidden, pass);
        if (First is null && pass.Tape.Device.Run(_first, hidden.Value) >= 0)
            First = site;
        return hidden;
    }
}
