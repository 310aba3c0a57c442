namespace VaccineRef.Kernels;

/// <summary>
/// <see cref="ErrorFunction"/> for kernels, which have no tables: the same approximations (Cody, 1969), with their
/// coefficients in the code, the highest power first.
/// </summary>
internal static class GpuErrorFunction
{
    private const double InverseRootPi = 0.56418958354775628695, RootHalf = 0.70710678118654752440;

    /// <summary>
    /// The distribution function of the standard normal distribution, Phi(x) = erfc(-x / sqrt(2)) / 2.
    /// </summary>
    public static double Normal(double x)
    {
        double v = -x * RootHalf, distance = v < 0 ? -v : v;
        if (distance <= 0.46875)
            return 0.5 * (1 - (v * SmallTop(v * v) / SmallBottom(v * v)));
        double tail = Tail(distance);
        return v > 0 ? 0.5 * tail : 0.5 * (2 - tail);
    }

    /// <summary>erfc(x) for x above 0.46875; NaN for NaN.</summary>
    private static double Tail(double x)
    {
        if (x > 27)
            return 0;
        double square = 1 / (x * x), scaled = x <= 4
            ? MiddleTop(x) / MiddleBottom(x)
            : (InverseRootPi - (square * LargeTop(square) / LargeBottom(square))) / x;
        double head = (int)(x * 16) / 16.0;                      // exp(-x^2) without the rounding error of x^2
        return Math.Exp(-head * head) * Math.Exp(-(x - head) * (x + head)) * scaled;
    }

    private static double SmallTop(double x)
    {
        double value = 1.85777706184603153e-1;
        value = (value * x) + 3.16112374387056560;
        value = (value * x) + 1.13864154151050156e2;
        value = (value * x) + 3.77485237685302021e2;
        value = (value * x) + 3.20937758913846947e3;
        return value;
    }

    private static double SmallBottom(double x)
    {
        double value = 1;
        value = (value * x) + 2.36012909523441209e1;
        value = (value * x) + 2.44024637934444173e2;
        value = (value * x) + 1.28261652607737228e3;
        value = (value * x) + 2.84423683343917062e3;
        return value;
    }

    private static double MiddleTop(double x)
    {
        double value = 2.15311535474403846e-8;
        value = (value * x) + 5.64188496988670089e-1;
        value = (value * x) + 8.88314979438837594;
        value = (value * x) + 6.61191906371416295e1;
        value = (value * x) + 2.98635138197400131e2;
        value = (value * x) + 8.81952221241769090e2;
        value = (value * x) + 1.71204761263407058e3;
        value = (value * x) + 2.05107837782607147e3;
        value = (value * x) + 1.23033935479799725e3;
        return value;
    }

    private static double MiddleBottom(double x)
    {
        double value = 1;
        value = (value * x) + 1.57449261107098347e1;
        value = (value * x) + 1.17693950891312499e2;
        value = (value * x) + 5.37181101862009858e2;
        value = (value * x) + 1.62138957456669019e3;
        value = (value * x) + 3.29079923573345963e3;
        value = (value * x) + 4.36261909014324716e3;
        value = (value * x) + 3.43936767414372164e3;
        value = (value * x) + 1.23033935480374942e3;
        return value;
    }

    private static double LargeTop(double x)
    {
        double value = 1.63153871373020978e-2;
        value = (value * x) + 3.05326634961232344e-1;
        value = (value * x) + 3.60344899949804439e-1;
        value = (value * x) + 1.25781726111229246e-1;
        value = (value * x) + 1.60837851487422766e-2;
        value = (value * x) + 6.58749161529837803e-4;
        return value;
    }

    private static double LargeBottom(double x)
    {
        double value = 1;
        value = (value * x) + 2.56852019228982242;
        value = (value * x) + 1.87295284992346725;
        value = (value * x) + 5.27905102951428412e-1;
        value = (value * x) + 6.05183413124413191e-2;
        value = (value * x) + 2.33520497626869185e-3;
        return value;
    }
}
