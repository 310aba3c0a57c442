namespace VaccineRef.Kernels;

/// <summary>How a checkpoint stores the matrix of a linear layer.</summary>
public enum WeightLayout
{
    /// <summary>(out, in): torch.nn.Linear, almost everything.</summary>
    OutIn,

    /// <summary>(in, out): GPT-2's Conv1D.</summary>
    InOut,
}
