using VaccineRef.Laws;

namespace VaccineRef.Testing;

/// <summary>The slope of a loss that may have a kink nearby, as a ReLU has, by differences from one side of a point.</summary>
public static class OneSidedSlope
{
    /// <summary>
    /// The error of one side, of numbers of the order of 1: truncation is h^3 / 4 times the fourth derivative, below 1e-8 for one of
    /// 4e7, of which none greater has been met; rounding is (40 / 6h) 1e-15, which is 7e-10.
    /// </summary>
    public const double Tolerance = 1e-7;

    private const double Step = 1e-5;

    /// <summary>
    /// What is wrong, or null: f'(0) must be (18 f(h) - 9 f(2h) + 2 f(3h) - 11 f(0)) / 6h with h = 1e-5 or with h = -1e-5. A kink may
    /// lie within 3h on one side, whose quotient then mixes two slopes.
    /// </summary>
    /// <param name="at">The loss at a distance along a direction of length 1.</param>
    /// <param name="here">The loss at distance 0.</param>
    /// <param name="gradient">The gradient at distance 0.</param>
    /// <param name="direction">The direction, of length 1.</param>
    public static string? Fault(Func<double, double> at, double here, double[] gradient, double[] direction)
    {
        double Side(double h) => ((18 * at(h)) - (9 * at(2 * h)) + (2 * at(3 * h)) - (11 * here)) / (6 * h);
        double expected = gradient.Dot(direction);
        double[] sides = [Side(Step), Side(-Step)];
        double error = sides.Min(slope => Math.Abs(slope - expected)), allowed = Tolerance * (1 + Math.Abs(here) + gradient.Norm());
        return error <= allowed
            ? null
            : $"the slope is {sides[0]} ahead and {sides[1]} behind, the gradient gives {expected}, allowed is {allowed:E1}";
    }
}
