using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>A decoder-only transformer over packed rows.</summary>
public interface ILanguageModel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Family and sizes.</summary>
    ModelShape Shape { get; }

    /// <summary>The weights under their Hugging Face names, each once: a tied head is the embedding itself.</summary>
    IReadOnlyList<Parameter<T>> Parameters { get; }

    /// <summary>The linear layers but the head: what LoRA can adapt.</summary>
    IReadOnlyList<LinearLayer<T>> Linears { get; }

    /// <summary>Where <see cref="Forward"/> calls the tap, in that order.</summary>
    IReadOnlyList<Site> Sites => Shape.Sites;

    /// <summary>The output head, (V, C): logits = hidden Head'.</summary>
    Parameter<T> Head { get; }

    /// <summary>Runs the model up to its head.</summary>
    /// <param name="pass">Where to record, who listens, whether dropout is on.</param>
    /// <param name="batch">The rows.</param>
    /// <param name="cache">
    /// Keys and values of what each sequence of the batch has read before; the caller then calls <see
    /// cref="KeyValueCache{T}.Advance"/>.
    /// </param>
    /// <param name="outputRows">
    /// The rows of the batch whose output is needed, ascending; null for all. Beyond the last attention only these rows are
    /// computed (Hugging Face calls it logits_to_keep).
    /// </param>
    /// <returns>
    /// The hidden embeddings as they enter the head: (N, C), or one row for each of <paramref name="outputRows"/>.
    /// </returns>
    /// <exception cref="ShapeException">A token or a position is beyond the embedding's table.</exception>
    Tensor<T> Forward(Pass<T> pass, PackedBatch batch, KeyValueCache<T>? cache = null, int[]? outputRows = null);
}
