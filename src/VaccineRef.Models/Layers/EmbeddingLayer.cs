using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>A table of embeddings, one row for each id.</summary>
/// <param name="weights">The place of its weights in the model.</param>
/// <param name="rows">Number of rows of the table.</param>
/// <param name="columns">Number of columns of the table.</param>
/// <param name="standardDeviation">The standard deviation of random values.</param>
/// <param name="offset">A number that is added to every id.</param>
/// <param name="paddingId">
/// The row that gets no gradient from this layer (padding_idx of torch.nn.Embedding); -1 for none. It may still get one
/// from a head that shares the table.
/// </param>
public sealed class EmbeddingLayer<T>(
    Weights<T> weights, int rows, int columns, double standardDeviation, int offset = 0, int paddingId = -1)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Embedding<T> _embedding = new(offset, paddingId);

    /// <summary>The table.</summary>
    public Parameter<T> Table { get; } =
        weights.Get("weight", [rows, columns], Initializer.Normal(standardDeviation, paddingId)).AsTable();

    /// <summary>The rows of N ids, (N, columns).</summary>
    public Tensor<T> Forward(Pass<T> pass, int[] ids) => pass.Tape.Apply(_embedding, [pass.Tape.Of(Table)], ids);
}
