using System.Numerics;

namespace VaccineRef.Core;

/// <summary>
/// One run of a model over a batch: what is recorded where, who listens at the sites, which random bits it uses, and
/// whether dropout is on.
/// </summary>
/// <param name="Tape">Where ops are recorded.</param>
/// <param name="Tap">What happens at the sites.</param>
/// <param name="Random">The stream of (seed, step, pass); a layer takes its own below it by name.</param>
/// <param name="Training">Whether dropout is applied, and a reverse pass will follow.</param>
public readonly record struct Pass<T>(Tape<T> Tape, ITap<T> Tap, RandomStream Random = default, bool Training = false)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Shows the hidden embedding of a site to the tap; the model goes on with what comes back.</summary>
    public Tensor<T> Show(Site site, Tensor<T> hidden)
    {
        var result = Tap.At(site, hidden, this);
        if (Tap.Keeps(site.Kind))
            Tape.KeepFrom(hidden);
        return result;
    }
}

/// <summary>
/// Listens at a model's sites. A model calls <see cref="At"/> at every site it has, in order; whatever comes back is
/// what the model goes on with.
/// </summary>
public interface ITap<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>
    /// Whether <see cref="At"/> does anything at sites of this kind; saves laying out what nobody reads.
    /// </summary>
    bool ListensTo(SiteKind kind) => true;

    /// <summary>
    /// Whether values shown at sites of this kind are read after the pass, so that a model must not release them.
    /// </summary>
    bool Keeps(SiteKind kind) => ListensTo(kind);

    /// <summary>Bytes that the tap holds beside the tape, such as a perturbation that it adds.</summary>
    long StateBytes => 0;

    /// <summary>Reads or moves the hidden embedding at a site.</summary>
    /// <param name="site">Where we are.</param>
    /// <param name="hidden">
    /// The hidden embedding, (N, C). In a pass that wants some rows only (<c>ILanguageModel.Forward</c>), the rows that
    /// none of those sees are zero in the last block.
    /// </param>
    /// <param name="pass">The run under way.</param>
    Tensor<T> At(Site site, Tensor<T> hidden, Pass<T> pass);
}

/// <summary>Passes every hidden embedding through untouched.</summary>
public sealed class NoTap<T> : ITap<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public bool ListensTo(SiteKind kind) => false;

    /// <inheritdoc/>
    public Tensor<T> At(Site site, Tensor<T> hidden, Pass<T> pass) => hidden;
}

/// <summary>Remembers the hidden embeddings at the sites of some kinds, in the order the model reached them.</summary>
/// <param name="kinds">Which.</param>
public sealed class Record<T>(params IReadOnlyCollection<SiteKind> kinds) : ITap<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly List<Site> _sites = [];
    private readonly List<Tensor<T>> _hidden = [];

    /// <summary>The sites reached.</summary>
    public IReadOnlyList<Site> Sites => _sites;

    /// <summary>The hidden embedding at each of <see cref="Sites"/>.</summary>
    public ReadOnlySpan<Tensor<T>> Hidden => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_hidden);

    /// <inheritdoc/>
    public bool ListensTo(SiteKind kind) => kinds.Contains(kind);

    /// <inheritdoc/>
    public bool Keeps(SiteKind kind) => !ForGradients && ListensTo(kind);

    /// <summary>Whether <see cref="Hidden"/> are wanted as targets of a reverse pass only, and their values are not read.</summary>
    public bool ForGradients { get; init; }

    /// <inheritdoc/>
    public Tensor<T> At(Site site, Tensor<T> hidden, Pass<T> pass)
    {
        if (ListensTo(site.Kind))
        {
            _sites.Add(site);
            _hidden.Add(hidden);
        }

        return hidden;
    }
}
