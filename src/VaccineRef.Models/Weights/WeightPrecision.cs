namespace VaccineRef.Models;

/// <summary>How the weights of linear layers are kept; embeddings, norms, biases and adapters are always kept in full.</summary>
public enum WeightPrecision
{
    /// <summary>In the type that is computed in.</summary>
    Full,

    /// <summary>
    /// In bfloat16, widened where they are read: half the memory of float and half the bytes to read. They cannot be trained, only
    /// adapted. Exact for checkpoints in bfloat16; others are rounded once, by at most 2^-8 of each weight.
    /// </summary>
    Bf16,
}
