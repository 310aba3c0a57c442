using VaccineRef.Core;

namespace VaccineRef.Verification.Conform;

/// <summary>
/// What a port may be off by. In double 1e-10, four digits above what two unrelated implementations agree to. In other
/// types it is derived: the reference runs with every weight moved by one machine epsilon of the type, up or down at
/// random, and each quantity may be off by <see cref="Headroom"/> times the most that it moved, since a port rounds not
/// only its weights but every intermediate value.
/// </summary>
internal sealed class Precision
{
    /// <summary>The tolerance in double.</summary>
    public const double InDouble = 1e-10;

    /// <summary>How many times the derived movement a port may be off by.</summary>
    public const double Headroom = 16;

    private const int Draws = 3;

    private readonly double _epsilon;
    private readonly Dictionary<string, double>? _moved;

    private Precision(string dtype, double epsilon, Dictionary<string, double>? moved) =>
        (Dtype, _epsilon, _moved) = (dtype, epsilon, moved);

    /// <summary>The types, with their machine epsilon: the distance from 1 to the next number.</summary>
    public static IReadOnlyDictionary<string, double> Known { get; } = new Dictionary<string, double>
    {
        ["float64"] = Math.ScaleB(1, -52),
        ["float32"] = Math.ScaleB(1, -23),
        ["float16"] = Math.ScaleB(1, -10),
        ["bfloat16"] = Math.ScaleB(1, -7),
    };

    /// <summary>A type by the name that the schema has for it: torch.float64, F64 and double are float64.</summary>
    public static string NameOf(string dtype) => dtype.ToLowerInvariant().Replace("torch.", "", StringComparison.Ordinal) switch
    {
        "f64" or "double" => "float64",
        "f32" or "float" or "single" => "float32",
        "f16" or "half" => "float16",
        "bf16" => "bfloat16",
        var name => name,
    };

    /// <summary>What the port computed in.</summary>
    public string Dtype { get; }

    /// <summary>Whether rounding alone can decide an element.</summary>
    public bool IsLow => _moved is not null;

    /// <summary>The smallest tolerance of a number that was computed.</summary>
    public double AtLeast => IsLow ? Headroom * _epsilon : InDouble;

    /// <summary>The tolerances of a case.</summary>
    public static Precision Of(string dtype, LoadedCase @case, IReadOnlyList<Quantity> reference)
    {
        double epsilon = Known[dtype];
        if (dtype == "float64")
            return new(dtype, epsilon, null);
        Dictionary<string, double> moved = [];
        for (int draw = 0; draw < Draws; draw++)
        {
            var random = RandomStream.FromSeed(20240202).At(draw);
            var inputs = @case.Model().All.ToDictionary(
                entry => entry.Key, entry => Nudged(entry.Value, random.At(entry.Key), epsilon));
            var other = Simulation.Run(@case, Variation.Reference, inputs: inputs);
            foreach (var (quantity, nudged) in reference.Zip(other))
            {
                double error = Judging.Compare(nudged.Values, quantity, low: true).Relative;
                moved[quantity.Key] = Math.Max(moved.GetValueOrDefault(quantity.Key), error);
            }
        }

        return new(dtype, epsilon, moved);
    }

    /// <summary>What a quantity may be off by.</summary>
    public double Of(Quantity quantity)
    {
        if (quantity.Key.EndsWith("/passes", StringComparison.Ordinal) || quantity.Stage == Stage.Input)
            return 0;
        double norm = quantity.Values.Norm > Difference.Vanishing * quantity.Scale
            ? quantity.Values.Norm
            : quantity.Scale;
        double measuring = quantity.MeasuredOn > 0 && norm > 0 ? 4 * _epsilon * quantity.MeasuredOn / norm : 0;
        return _moved is null
            ? InDouble + measuring
            : (Headroom * Math.Max(_epsilon, _moved.GetValueOrDefault(quantity.Key))) + measuring;
    }

    private static Values Nudged(Values values, RandomStream random, double epsilon) => values with
    {
        Numbers = [.. values.Numbers
            .Select((value, i) => value * (1 + ((random.Bits(i) & 1) == 0 ? epsilon : -epsilon)))],
    };
}
