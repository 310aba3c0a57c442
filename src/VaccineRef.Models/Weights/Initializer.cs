namespace VaccineRef.Models;

/// <summary>From which distribution random values are drawn.</summary>
public enum Distribution
{
    /// <summary>All values are the same.</summary>
    Constant,

    /// <summary>Normal with mean 0.</summary>
    Normal,

    /// <summary>Uniform between -bound and bound.</summary>
    Uniform,
}

/// <summary>How the values of a parameter are initialised if they do not come from a checkpoint.</summary>
/// <param name="Distribution">The distribution.</param>
/// <param name="Value">The constant, the standard deviation, or the bound.</param>
/// <param name="ZeroRow">A row that is set to 0, such as the padding row of an embedding; -1 for none.</param>
public readonly record struct Initializer(Distribution Distribution, double Value, int ZeroRow = -1)
{
    /// <summary>All 0, for biases.</summary>
    public static Initializer Zero => new(Distribution.Constant, 0);

    /// <summary>All 1, for the weights of norms.</summary>
    public static Initializer One => new(Distribution.Constant, 1);

    /// <summary>Normal with mean 0.</summary>
    public static Initializer Normal(double standardDeviation, int zeroRow = -1) =>
        new(Distribution.Normal, standardDeviation, zeroRow);

    /// <summary>Uniform in [-bound, bound).</summary>
    public static Initializer Uniform(double bound) => new(Distribution.Uniform, bound);
}
