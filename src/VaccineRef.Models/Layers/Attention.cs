using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// Self-attention: projections of x to queries, keys and values, attention within each sequence, and the output
/// projection. The families differ in names, in biases, and in whether queries, keys and values have three projections
/// or one whose columns are then split.
/// </summary>
/// <param name="attention">The attention op, with its number of heads, sizes, scale and window.</param>
/// <param name="projections">The projections to queries, keys and values, or the one fused projection.</param>
/// <param name="output">The output projection.</param>
public sealed class Attention<T>(
    CausalAttention<T> attention, IReadOnlyList<LinearLayer<T>> projections, LinearLayer<T> output)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    // The result of a fused projection is split by copying. That moves 3 N C numbers, which is little beside the 6 N
    // C^2 operations that compute them. Three products with parts of the weight would need views with strides, and
    // would run the LoRA of the fused layer three times.
    private readonly Columns<T>[] _thirds = [Third(attention, 0), Third(attention, 1), Third(attention, 2)];

    /// <summary>Rotates queries and keys by their positions; null if the family does not.</summary>
    public Rope<T>? Rope { get; init; }

    /// <summary>The dropout of attention weights in training that the configuration asks for.</summary>
    public double WeightDropout { get; init; }

    /// <summary>All projections, for LoRA.</summary>
    public IEnumerable<LinearLayer<T>> Linears => [.. projections, output];

    /// <summary>x (N, C) to the output of the output projection: (N, C), or its output rows (M, C).</summary>
    /// <exception cref="InputException">Training asks for dropout of attention weights.</exception>
    internal Tensor<T> Forward(BlockPass<T> block, Tensor<T> x)
    {
        var (pass, batch) = (block.Pass, block.Batch);
        if (pass.Training && WeightDropout > 0)
            throw new InputException(
                "dropout of attention weights is not implemented: the weights are never formed", output.Name,
                $"{WeightDropout}", "0", "set attention_dropout (GPT-2: attn_pdrop) to 0 in the model's config.json");
        var (q, k, v) = Project(pass, x);
        if (Rope is not null)
            (q, k) = (Turn(pass, Rope, q, batch), Turn(pass, Rope, k, batch));
        if (pass.Tap.WatchesAttention)
            pass.Tap.Attended(block.Layer, attention, q, k, batch.Offsets, pass);
        Op<T> attend = block.Cache is null ? attention : new CachedAttention<T>(attention, block.Cache, block.Layer);
        return output.Forward(pass, block.SelectOutput(pass.Tape.Apply(attend, [q, k, v], batch.Offsets)));
    }

    private (Tensor<T> Q, Tensor<T> K, Tensor<T> V) Project(Pass<T> pass, Tensor<T> x)
    {
        if (projections is [var q, var k, var v])
            return (q.Forward(pass, x), k.Forward(pass, x), v.Forward(pass, x));
        var fused = projections[0].Forward(pass, x);
        var tape = pass.Tape;
        var thirds =
            (tape.Apply(_thirds[0], [fused]), tape.Apply(_thirds[1], [fused]), tape.Apply(_thirds[2], [fused]));
        tape.Release(fused);
        return thirds;
    }

    private static Tensor<T> Turn(Pass<T> pass, Rope<T> rope, Tensor<T> x, PackedBatch batch)
    {
        var turned = pass.Tape.Apply(rope, [x], batch.Positions);
        pass.Tape.Release(x);
        return turned;
    }

    private static Columns<T> Third(CausalAttention<T> attention, int index)
    {
        int columns = attention.Heads * attention.HeadSize;
        return new(index * columns, columns);
    }
}
