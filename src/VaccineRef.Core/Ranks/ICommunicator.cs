namespace VaccineRef.Core;

/// <summary>
/// Several processes that compute one thing together, or threads in their place: each is a rank. Every rank makes the
/// same calls in the same order, with lengths that agree; a call returns when its own part is done. Calls come from one
/// thread at a time.
/// </summary>
public interface ICommunicator
{
    /// <summary>The number of this rank, from 0.</summary>
    int Rank { get; }

    /// <summary>How many ranks there are, at least 1.</summary>
    int Size { get; }

    /// <summary>Brings the bytes of every rank to one of them.</summary>
    /// <param name="own">The bytes of this rank; the same number on every rank.</param>
    /// <param name="all">
    /// At the root, receives the bytes of rank 0, then those of rank 1, and so on; not used elsewhere.
    /// </param>
    /// <param name="root">The rank that receives.</param>
    void Gather(ReadOnlySpan<byte> own, Span<byte> all, int root);

    /// <summary>Gives every rank the bytes of one of them.</summary>
    /// <param name="data">At the root, the bytes; elsewhere receives them.</param>
    /// <param name="root">The rank that gives.</param>
    void Broadcast(Span<byte> data, int root);

    /// <summary>
    /// Gives every rank the sums over all ranks, element by element. The order of the additions is not specified.
    /// </summary>
    void Sum(Span<float> values);

    /// <summary>
    /// Gives every rank the sums over all ranks, element by element. The order of the additions is not specified.
    /// </summary>
    void Sum(Span<double> values);

    /// <summary>Waits until every rank has come here.</summary>
    void Barrier();
}

/// <summary>The only rank there is: nothing has to be exchanged.</summary>
public sealed class Alone : ICommunicator
{
    private Alone()
    {
    }

    /// <summary>The only rank.</summary>
    public static Alone Only { get; } = new();

    /// <inheritdoc/>
    public int Rank => 0;

    /// <inheritdoc/>
    public int Size => 1;

    /// <inheritdoc/>
    public void Gather(ReadOnlySpan<byte> own, Span<byte> all, int root) => own.CopyTo(all);

    /// <inheritdoc/>
    public void Broadcast(Span<byte> data, int root)
    {
        // it has them already
    }

    /// <inheritdoc/>
    public void Sum(Span<float> values)
    {
        // the sum of one
    }

    /// <inheritdoc/>
    public void Sum(Span<double> values)
    {
        // the sum of one
    }

    /// <inheritdoc/>
    public void Barrier()
    {
        // nobody else is waited for
    }
}
