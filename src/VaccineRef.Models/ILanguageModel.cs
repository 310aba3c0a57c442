using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>A decoder-only transformer. It works on packed batches.</summary>
public interface ILanguageModel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The family and the sizes of the model.</summary>
    ModelShape Shape { get; }

    /// <summary>
    /// The weights under their Hugging Face names. A head that shares its weight with the embedding is not listed
    /// twice.
    /// </summary>
    IReadOnlyList<Parameter<T>> Parameters { get; }

    /// <summary>The linear layers without the head. LoRA can adapt these.</summary>
    IReadOnlyList<LinearLayer<T>> Linears { get; }

    /// <summary>The sites that <see cref="Forward"/> shows to the tap, in order.</summary>
    IReadOnlyList<Site> Sites => Shape.Sites;

    /// <summary>The weight of the output head, (V, C): logits = hidden Head'.</summary>
    Parameter<T> Head { get; }

    /// <summary>
    /// Brings a hidden embedding of the residual stream, (N, C), into the form in which <see cref="Forward"/> hands
    /// over the last one: the last norm, and a projection where there is one. Reading it with the head is known as the
    /// logit lens.
    /// </summary>
    /// <exception cref="InputException">The model does not offer this.</exception>
    Tensor<T> Normalise(Pass<T> pass, Tensor<T> hidden) => throw new InputException(
        "the hidden states of the model's layers cannot be read with its head", "model", Shape.Family,
        "a model that offers Normalise");

    /// <summary>Runs the model up to its head.</summary>
    /// <param name="pass">The tape, the tap, and whether this is training.</param>
    /// <param name="batch">The tokens.</param>
    /// <param name="cache">
    /// The keys and values of the earlier tokens of each sequence, in generation. The caller must call
    /// <see cref="KeyValueCache{T}.Advance"/> afterwards.
    /// </param>
    /// <param name="outputRows">
    /// The rows of the batch whose output is needed, ascending; null for all. Beyond the last attention only these rows
    /// are computed (Hugging Face calls it logits_to_keep).
    /// </param>
    /// <returns>
    /// The hidden embeddings as they enter the head: (N, C), or one row for each of <paramref name="outputRows"/>.
    /// </returns>
    /// <exception cref="ShapeException">A token or a position is not in the embedding's table.</exception>
    Tensor<T> Forward(Pass<T> pass, PackedBatch batch, KeyValueCache<T>? cache = null, int[]? outputRows = null);
}
