namespace VaccineRef.Models;

/// <summary>How values are drawn.</summary>
public enum Distribution
{
    /// <summary>All the same.</summary>
    Constant,

    /// <summary>Normal around 0.</summary>
    Normal,

    /// <summary>Uniform around 0.</summary>
    Uniform,
}

/// <summary>How a parameter begins where no checkpoint gives its values.</summary>
/// <param name="Distribution">How values are drawn.</param>
/// <param name="Value">The constant, the standard deviation, or the bound.</param>
/// <param name="ZeroRow">A row that is 0, as an embedding's padding row; -1 for none.</param>
public readonly record struct Initializer(Distribution Distribution, double Value, int ZeroRow = -1)
{
    /// <summary>Biases.</summary>
    public static Initializer Zero => new(Distribution.Constant, 0);

    /// <summary>Weights of norms.</summary>
    public static Initializer One => new(Distribution.Constant, 1);

    /// <summary>Normal with mean 0.</summary>
    public static Initializer Normal(double standardDeviation, int zeroRow = -1) =>
        new(Distribution.Normal, standardDeviation, zeroRow);

    /// <summary>Uniform in [-bound, bound).</summary>
    public static Initializer Uniform(double bound) => new(Distribution.Uniform, bound);
}
