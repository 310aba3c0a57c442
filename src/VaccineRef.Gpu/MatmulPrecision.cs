namespace VaccineRef.Gpu;

/// <summary>
/// The precision in which a matrix product of floats is computed. Sums are always in float. A product of doubles is
/// always in double.
/// </summary>
public enum MatmulPrecision
{
    /// <summary>Everything is in float. This is the default, and the precision in which the laws are tested.</summary>
    Float32,

    /// <summary>The inputs are rounded to 10 bits of fraction, for tensor cores: CUDA from sm_80 on.</summary>
    Tf32,

    /// <summary>The inputs are rounded to 7 bits of fraction, for tensor cores: CUDA from sm_80 on.</summary>
    BFloat16,
}
