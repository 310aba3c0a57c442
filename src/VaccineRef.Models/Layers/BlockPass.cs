using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>One block of a transformer: attention and feed-forward, each added to the residual stream.</summary>
internal interface IBlock<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    IEnumerable<LinearLayer<T>> Linears { get; }

    /// <summary>
    /// The residual stream x (N, C) to the stream after this block: (N, C), or its output rows (M, C).
    /// </summary>
    Tensor<T> Forward(BlockPass<T> pass, Tensor<T> x);
}

/// <summary>
/// A pass through one block. It knows which rows somebody reads and which values nobody needs any more, so that the
/// blocks can be written as the papers write them: <c>x + tap(site, attention(norm(x)))</c>.
/// </summary>
/// <param name="Pass">The pass through the model.</param>
/// <param name="Layer">The block's number, from 0.</param>
/// <param name="Batch">The rows of the batch.</param>
/// <param name="Cache">Keys and values of earlier tokens, in generation.</param>
/// <param name="OutputRows">
/// The rows of the batch whose output is read, ascending; null for all. Only the last block has such a choice: beyond
/// its attention no row sees another, so that the rows that nobody reads can be left out. Their gradients would be
/// zero.
/// </param>
internal readonly record struct BlockPass<T>(
    Pass<T> Pass, int Layer, PackedBatch Batch, KeyValueCache<T>? Cache, int[]? OutputRows)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Embedding<T> Gather = new();
    private static readonly Add<T> Sum = new();

    /// <summary>A layer that needs no more takes the pass through the model.</summary>
    public static implicit operator Pass<T>(BlockPass<T> block) => block.Pass;

    /// <summary>x (N, C) to its output rows (M, C).</summary>
    public Tensor<T> SelectOutput(Tensor<T> x) => OutputRows is null ? x : Pass.Tape.Apply(Gather, [x], OutputRows);

    /// <summary>
    /// Shows the hidden embedding of a site to the tap and goes on with what the tap returns. The tap always sees a row
    /// for each row of the batch: rows that were left out are zero, and what it makes of them is dropped.
    /// </summary>
    public Tensor<T> Tap(SiteKind kind, Tensor<T> hidden) => OutputRows is null || !Pass.Tap.ListensTo(kind)
        ? Pass.Show(new(Layer, kind), hidden)
        : SelectOutput(Pass.Show(new(Layer, kind), Pass.Tape.Apply(new Scatter<T>(Batch.Rows), [hidden], OutputRows)));

    /// <summary>
    /// The residual connection x + branch. Later layers see the sum alone, so that everything that was recorded on the
    /// branch is released. Where the branch has the output rows only, so has the sum.
    /// </summary>
    public Tensor<T> Add(Tensor<T> x, Tensor<T> branch)
    {
        var stream = x.Shape.Rows == branch.Shape.Rows ? x : SelectOutput(x);
        var sum = Pass.Tape.Apply(Sum, [stream, branch]);
        Pass.Tape.ReleaseBetween(x, sum);
        return sum;
    }
}

/// <summary>The blocks of a model, one after the other.</summary>
internal sealed class BlockStack<T>(IEnumerable<IBlock<T>> blocks) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly IBlock<T>[] _blocks = [.. blocks];

    public IEnumerable<LinearLayer<T>> Linears => _blocks.SelectMany(block => block.Linears);

    /// <summary>
    /// The embedded tokens x (N, C) to the stream after the last block: (N, C), or its output rows (M, C).
    /// </summary>
    public Tensor<T> Forward(Pass<T> pass, Tensor<T> x, PackedBatch batch, KeyValueCache<T>? cache, int[]? outputRows)
    {
        for (int i = 0; i < _blocks.Length; i++)
        {
            var rows = i == _blocks.Length - 1 ? outputRows : null;
            x = _blocks[i].Forward(new(pass, i, batch, cache, rows), pass.Tape.EndSegment(x));
        }

        return x;
    }
}
