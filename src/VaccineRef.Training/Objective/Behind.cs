using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Training;

/// <summary>
/// A rule's tap, and behind it a record of what the model goes on with: for an objective that looks at hidden
/// embeddings.
/// </summary>
internal sealed class Behind<T>(ITap<T> tap, Record<T> record) : ITap<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public long StateBytes => tap.StateBytes;

    public bool ListensTo(SiteKind kind) => tap.ListensTo(kind) || record.ListensTo(kind);

    public bool Keeps(SiteKind kind) => tap.Keeps(kind) || record.Keeps(kind);

    public Tensor<T> At(Site site, Tensor<T> hidden, Pass<T> pass) =>
        record.At(site, tap.At(site, hidden, pass with { Tap = tap }), pass);
}
