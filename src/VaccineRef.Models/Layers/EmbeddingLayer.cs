using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>A table of embeddings and the op that looks rows up.</summary>
/// <param name="weights">Its place.</param>
/// <param name="rows">Rows of the table.</param>
/// <param name="columns">Columns of the table.</param>
/// <param name="standardDeviation">Of its values where it is initialised.</param>
/// <param name="offset">Added to every id.</param>
/// <param name="paddingId">
/// The row that gets no gradient from here (torch.nn.Embedding's padding_idx), though it may from a head tied to the
/// table; -1 for none.
/// </param>
public sealed class EmbeddingLayer<T>(
    Weights<T> weights, int rows, int columns, double standardDeviation, int offset = 0, int paddingId = -1)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Embedding<T> _embedding = new(offset, paddingId);

    /// <summary>The table.</summary>
    public Parameter<T> Table { get; } =
        weights.Get("weight", [rows, columns], Initializer.Normal(standardDeviation, paddingId));

    /// <summary>N ids to (N, columns).</summary>
    public Tensor<T> Forward(Pass<T> pass, int[] ids) => pass.Tape.Apply(_embedding, [pass.Tape.Of(Table)], ids);
}
