using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// A self-attention block: queries, keys and values from x, attention within each sequence, and the output projection.
/// Families differ in names, biases, and in how q, k and v are projected: by three layers, or by one whose columns are
/// then cut in three.
/// </summary>
/// <param name="attention">Heads, sizes, scale and window.</param>
/// <param name="projections">q, k, v; or the one fused layer.</param>
/// <param name="output">The output projection.</param>
public sealed class Attention<T>(
    CausalAttention<T> attention, IReadOnlyList<LinearLayer<T>> projections, LinearLayer<T> output)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    // A fused layer is cut by copying: 3 N C numbers moved, beside 6 N C^2 flops to make them. Three products with
    // parts of its weight would need views with strides, which nothing else here needs, and would run a LoRA of the
    // fused layer three times.
    private readonly Columns<T>[] _thirds = [Third(attention, 0), Third(attention, 1), Third(attention, 2)];

    /// <summary>Turns queries and keys by their positions, where the family does.</summary>
    public Rope<T>? Rope { get; init; }

    /// <summary>The dropout of attention weights that the configuration asks for in training.</summary>
    public double WeightDropout { get; init; }

    /// <summary>All projections.</summary>
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
        Op<T> attend = block.Cache is null ? attention : new CachedAttention<T>(attention, block.Cache, block.Layer);
        return output.Forward(pass, block.SelectOutput(pass.Tape.Apply(attend, [q, k, v], batch.Offsets)));
    }

    private (Tensor<T> Q, Tensor<T> K, Tensor<T> V) Project(Pass<T> pass, Tensor<T> x)
    {
        if (projections is [var q, var k, var v])
            return (q.Forward(pass, x), k.Forward(pass, x), v.Forward(pass, x));
        var fused = projections[0].Forward(pass, x);
        var tape = pass.Tape;
        var thirds = (tape.Apply(_thirds[0], [fused]), tape.Apply(_thirds[1], [fused]), tape.Apply(_thirds[2], [fused]));
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
