using VaccineRef.Laws;

namespace VaccineRef.Testing;

/// <summary>
/// The slope of a loss that may have a kink nearby, as a ReLU has, by differences from one side of a point.
/// </summary>
public static class OneSidedSlope
{
    /// <summary>
    /// The error of one side, of numbers of the order of 1: truncation is h^4 / 5 times the fifth derivative, of which
    /// 4e17 has been met where a norm divides by a short row: 6e-6 beside a slope of 500. Rounding is (128 / 12h)
    /// 1e-15, which is 4e-9.
    /// </summary>
    public const double Tolerance = 1e-7;

    private const double Step = 3e-6;

    /// <summary>
    /// What is wrong, or null: f'(0) must be (48 f(h) - 36 f(2h) + 16 f(3h) - 3 f(4h) - 25 f(0)) / 12h with h = 3e-6 or
    /// with h = -3e-6. A kink may lie within 4h on one side, whose quotient then mixes two slopes.
    /// </summary>
    /// <param name="at">The loss at a distance along a direction of length 1.</param>
    /// <param name="here">The loss at distance 0.</param>
    /// <param name="gradient">The gradient at distance 0.</param>
    /// <param name="direction">The direction, of length 1.</param>
    public static string? Fault(Func<double, double> at, double here, double[] gradient, double[] direction)
    {
        double Side(double h) =>
            ((48 * at(h)) - (36 * at(2 * h)) + (16 * at(3 * h)) - (3 * at(4 * h)) - (25 * here)) / (12 * h);
        double expected = gradient.Dot(direction);
        double[] sides = [Side(Step), Side(-Step)];
        double error = sides.Min(slope => Math.Abs(slope - expected)),
            allowed = Tolerance * (1 + Math.Abs(here) + gradient.Norm());
        return error <= allowed
            ? null
            : $"the slope is {sides[0]} ahead and {sides[1]} behind, the gradient gives {expected}, allowed is {allowed:E1}";
    }
}
