namespace VaccineRef.Kernels;

/// <summary>
/// The error function erf(x) = 2 / sqrt(pi) * the integral of exp(-t^2) from 0 to x, and its complement erfc. The
/// relative error is below 1e-15 as long as erfc is a normal number, for x below 26. The approximations are rational
/// and minimax on |x| up to 0.46875, up to 4, and beyond. Source: W. J. Cody, "Rational Chebyshev approximations for
/// the error function", Mathematics of Computation 23 (1969), 631-637.
/// </summary>
public static class ErrorFunction
{
    private const double InverseRootPi = 0.56418958354775628695;

    // Highest power first.
    private static ReadOnlySpan<double> SmallTop =>
        [1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
            3.20937758913846947e3];

    private static ReadOnlySpan<double> SmallBottom =>
        [1, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3];

    private static ReadOnlySpan<double> MiddleTop =>
        [2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
            2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
            1.23033935479799725e3];

    private static ReadOnlySpan<double> MiddleBottom =>
        [1, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
            3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3];

    private static ReadOnlySpan<double> LargeTop =>
        [1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
            1.60837851487422766e-2, 6.58749161529837803e-4];

    private static ReadOnlySpan<double> LargeBottom =>
        [1, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2,
            2.33520497626869185e-3];

    /// <summary>erf(x); NaN for NaN.</summary>
    public static double Erf(double x) => Math.Abs(x) <= 0.46875
        ? x * Ratio(SmallTop, SmallBottom, x * x)
        : Math.CopySign(1 - Tail(Math.Abs(x)), x);

    /// <summary>erfc(x) = 1 - erf(x); NaN for NaN.</summary>
    public static double Erfc(double x) => Math.Abs(x) <= 0.46875
        ? 1 - Erf(x)
        : x > 0 ? Tail(x) : 2 - Tail(-x);

    /// <summary>
    /// The distribution function of the standard normal distribution, Phi(x) = erfc(-x / sqrt(2)) / 2.
    /// </summary>
    public static double Normal(double x) => 0.5 * Erfc(x * -Math.Sqrt(0.5));

    /// <summary>erfc(x) for x above 0.46875.</summary>
    private static double Tail(double x)
    {
        double square = 1 / (x * x), scaled = x <= 4
            ? Ratio(MiddleTop, MiddleBottom, x)
            : (InverseRootPi - (square * Ratio(LargeTop, LargeBottom, square))) / x;
        double head = Math.Truncate(x * 16) / 16;                // exp(-x^2) without the rounding error of x^2
        return x > 27 ? 0 : Math.Exp(-head * head) * Math.Exp(-(x - head) * (x + head)) * scaled;
    }

    private static double Ratio(ReadOnlySpan<double> top, ReadOnlySpan<double> bottom, double x)
    {
        double numerator = 0, denominator = 0;
        for (int i = 0; i < top.Length; i++)
            (numerator, denominator) = ((numerator * x) + top[i], (denominator * x) + bottom[i]);
        return numerator / denominator;
    }
}
