namespace VaccineRef.Gpu;

/// <summary>In what a matrix product of floats is computed. Sums are always in float; products in double know only double.</summary>
public enum MatmulPrecision
{
    /// <summary>Float throughout: the default, and what the laws hold to.</summary>
    Float32,

    /// <summary>Inputs rounded to 10 bits of fraction, on tensor cores: CUDA from sm_80 on.</summary>
    Tf32,

    /// <summary>Inputs rounded to 7 bits of fraction, on tensor cores: CUDA from sm_80 on.</summary>
    BFloat16,
}
