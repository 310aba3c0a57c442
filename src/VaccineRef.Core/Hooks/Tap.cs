using System.Numerics;

namespace VaccineRef.Core;

/// <summary>
/// One run of a model over a batch: the tape that records it, the tap that listens at the sites, the random numbers it
/// uses, and whether it is a training pass.
/// </summary>
/// <param name="Tape">The tape on which ops are recorded.</param>
/// <param name="Tap">What happens at the sites.</param>
/// <param name="Random">The random stream of this pass; each layer derives its own from it by name.</param>
/// <param name="Training">Whether dropout is applied. A reverse pass then follows.</param>
public readonly record struct Pass<T>(Tape<T> Tape, ITap<T> Tap, RandomStream Random = default, bool Training = false)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Shows the hidden embedding of a site to the tap. The model goes on with what the tap returns.</summary>
    public Tensor<T> Show(Site site, Tensor<T> hidden)
    {
        var result = Tap.At(site, hidden, this);
        if (Tap.Keeps(site.Kind))
            Tape.KeepFrom(hidden);
        return result;
    }
}

/// <summary>
/// Listens at a model's sites. A model shows every site to the tap, in order, and goes on with what the tap returns.
/// </summary>
public interface ITap<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>
    /// Whether <see cref="At"/> does anything at sites of this kind. If not, it may be shown fewer rows.
    /// </summary>
    bool ListensTo(SiteKind kind) => true;

    /// <summary>
    /// Whether values shown at sites of this kind, or computed by the tap there, are used after the block that they are
    /// part of. They then stay in memory.
    /// </summary>
    bool Keeps(SiteKind kind) => ListensTo(kind);

    /// <summary>Bytes that the tap holds beside the tape, such as a perturbation that it adds.</summary>
    long StateBytes => 0;

    /// <summary>Whether <see cref="Attended"/> does anything.</summary>
    bool WatchesAttention => false;

    /// <summary>
    /// Is told of each attention before its values are mixed, for a tap that looks at the weights, which the model
    /// never forms. What it computes from them and reads after the block it has to keep
    /// (<see cref="Tape{T}.KeepFrom"/>).
    /// </summary>
    /// <param name="layer">The number of the block.</param>
    /// <param name="attention">Mixes rows of values: of queries, keys and values.</param>
    /// <param name="queries">(N, heads * size).</param>
    /// <param name="keys">(N, key-value heads * size).</param>
    /// <param name="offsets">Where the sequences begin.</param>
    /// <param name="pass">The pass that has reached the block.</param>
    void Attended(
        int layer, Op<T> attention, Tensor<T> queries, Tensor<T> keys, ReadOnlyMemory<int> offsets, Pass<T> pass)
    {
    }

    /// <summary>Reads or changes the hidden embedding at a site.</summary>
    /// <param name="site">The site.</param>
    /// <param name="hidden">
    /// The hidden embedding, (N, C). In a pass that computes some output rows only (<c>ILanguageModel.Forward</c>), the
    /// other rows of the last block are zero.
    /// </param>
    /// <param name="pass">The pass that has reached the site.</param>
    /// <returns>What the model goes on with.</returns>
    Tensor<T> At(Site site, Tensor<T> hidden, Pass<T> pass);
}

/// <summary>Does nothing: every hidden embedding passes through unchanged.</summary>
public sealed class NoTap<T> : ITap<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public bool ListensTo(SiteKind kind) => false;

    /// <inheritdoc/>
    public Tensor<T> At(Site site, Tensor<T> hidden, Pass<T> pass) => hidden;
}

/// <summary>Remembers the hidden embeddings at some sites, in the order in which the model reaches them.</summary>
public sealed class Record<T> : ITap<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Func<Site, bool> _chosen;
    private readonly List<Site> _sites = [];
    private readonly List<Tensor<T>> _hidden = [];

    /// <summary>Remembers all sites of some kinds.</summary>
    public Record(params IReadOnlyCollection<SiteKind> kinds) : this(kinds, where: null)
    {
    }

    /// <summary>
    /// Remembers those sites of some kinds that are chosen, such as those of some layers; all of them if nobody
    /// chooses.
    /// </summary>
    public Record(IReadOnlyCollection<SiteKind> kinds, Func<Site, bool>? where) =>
        (Kinds, _chosen) = (kinds, site => kinds.Contains(site.Kind) && where?.Invoke(site) != false);

    /// <summary>Remembers the sites that are chosen, of any kind.</summary>
    public Record(Func<Site, bool> chosen) => (Kinds, _chosen) = (Enum.GetValues<SiteKind>(), chosen);

    /// <summary>The kinds of sites that are looked at.</summary>
    public IReadOnlyCollection<SiteKind> Kinds { get; }

    /// <summary>The chosen sites that were reached.</summary>
    public IReadOnlyList<Site> Sites => _sites;

    /// <summary>The hidden embedding at each of <see cref="Sites"/>.</summary>
    public ReadOnlySpan<Tensor<T>> Hidden => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_hidden);

    /// <summary>
    /// Whether <see cref="Hidden"/> only serve as targets of a reverse pass. Their values then need not stay in memory
    /// and must not be read.
    /// </summary>
    public bool ForGradients { get; init; }

    /// <inheritdoc/>
    public bool ListensTo(SiteKind kind) => Kinds.Contains(kind);

    /// <inheritdoc/>
    public bool Keeps(SiteKind kind) => !ForGradients && ListensTo(kind);

    /// <inheritdoc/>
    public Tensor<T> At(Site site, Tensor<T> hidden, Pass<T> pass)
    {
        if (_chosen(site))
        {
            _sites.Add(site);
            _hidden.Add(hidden);
        }

        return hidden;
    }
}
