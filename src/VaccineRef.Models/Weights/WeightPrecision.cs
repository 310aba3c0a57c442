namespace VaccineRef.Models;

/// <summary>
/// How the weights of linear layers are stored in memory. Embeddings, norms, biases and adapters are always stored in
/// full.
/// </summary>
public enum WeightPrecision
{
    /// <summary>In the type in which the model computes.</summary>
    Full,

    /// <summary>
    /// In bfloat16, and widened when they are read. They take half the memory of float. They cannot be trained, only
    /// adapted. Weights from a bfloat16 checkpoint are exact; other weights are rounded once, by at most 2^-8 of each
    /// weight.
    /// </summary>
    Bf16,
}
