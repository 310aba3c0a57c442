using System.Collections.Immutable;
using VaccineRef.Models;

namespace VaccineRef.Verification;

/// <summary>Numbers and their extents: what is compared.</summary>
/// <param name="Numbers">The elements, row-major.</param>
/// <param name="Shape">The extents; empty for a scalar.</param>
public sealed record Values(double[] Numbers, ImmutableArray<long> Shape)
{
    /// <summary>A single number.</summary>
    public static implicit operator Values(double number) => new([number], []);

    /// <summary>The extents as messages show them, "[3, 16, 48]"; "a scalar" where there are none.</summary>
    public string Extents => Shape.IsEmpty ? "a scalar" : $"[{string.Join(", ", Shape)}]";

    /// <summary>The norm of all elements.</summary>
    public double Norm => Math.Sqrt(Numbers.Sum(value => value * value));

    /// <summary>The norm of all elements of several tensors together.</summary>
    public static double NormOf(IEnumerable<Values> tensors) =>
        Math.Sqrt(tensors.Sum(values => values.Norm * values.Norm));

    /// <summary>As many zeros.</summary>
    public Values Zero() => this with { Numbers = new double[Numbers.Length] };

    /// <summary>A vector.</summary>
    public static Values Vector(double[] numbers) => new(numbers, [numbers.Length]);

    /// <summary>Reads a tensor of floats.</summary>
    /// <exception cref="CheckpointException">There is no such tensor, or it holds no floats.</exception>
    public static Values Read(SafetensorsFile file, string name)
    {
        var entry = file.Entry(name);
        var numbers = new double[entry.Count];
        file.Read<double>(name, numbers);
        return new(numbers, entry.Shape);
    }
}
