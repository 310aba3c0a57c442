using System.Numerics;

namespace VaccineRef.Core;

/// <summary>One tap behind another: the second sees what the first returned.</summary>
/// <param name="first">The tap that sees what the model computed.</param>
/// <param name="second">The tap whose result the model goes on with.</param>
public sealed class InTurn<T>(ITap<T> first, ITap<T> second) : ITap<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public long StateBytes => first.StateBytes + second.StateBytes;

    /// <inheritdoc/>
    public bool ListensTo(SiteKind kind) => first.ListensTo(kind) || second.ListensTo(kind);

    /// <inheritdoc/>
    public bool Keeps(SiteKind kind) => first.Keeps(kind) || second.Keeps(kind);

    /// <inheritdoc/>
    public Tensor<T> At(Site site, Tensor<T> hidden, Pass<T> pass) =>
        second.At(site, first.At(site, hidden, pass), pass);
}
