namespace VaccineRef.Kernels.Tests;

/// <summary>erf and erfc against the Taylor series and the continued fraction, summed in 28 decimal digits.</summary>
public sealed class ErrorFunctionTests
{
    private const decimal TwoOverRootPi = 1.1283791670955125738961589031m;

    private const double RelativeError = 1e-15;

    [Fact]
    public void Erf_is_its_Taylor_series()
    {
        for (decimal x = 0.004m; x < 4; x += 0.0173m)
        {
            decimal exact = Series(x);
            Assert.Equal(1, ErrorFunction.Erf((double)x) / (double)exact, RelativeError);
            Assert.Equal(-ErrorFunction.Erf((double)x), ErrorFunction.Erf(-(double)x));
            Assert.Equal((double)(1 + exact), ErrorFunction.Erfc(-(double)x), 2 * RelativeError);
            if (x < 2)
                Assert.Equal(1, ErrorFunction.Erfc((double)x) / (double)(1 - exact), RelativeError);
        }
    }

    [Fact]
    public void Erfc_is_its_continued_fraction()
    {
        for (decimal x = 2; x < 7; x += 0.0625m)       // beyond 7, e^(-x^2) has too few of decimal's places
        {
            decimal fraction = x;
            for (int k = 400; k > 0; k--)
                fraction = x + (k / 2m / fraction);
            double exponential = Math.Exp(-(double)(x * x));            // x^2 is exact in double
            double exact = (double)(TwoOverRootPi / 2 / fraction) * exponential;
            Assert.Equal(1, ErrorFunction.Erfc((double)x) / exact, RelativeError);
        }
    }

    [Fact]
    public void The_ends_are_the_limits()
    {
        Assert.Equal(0, ErrorFunction.Erf(0));
        Assert.Equal(1, ErrorFunction.Erf(double.PositiveInfinity));
        Assert.Equal(-1, ErrorFunction.Erf(double.NegativeInfinity));
        Assert.Equal(0, ErrorFunction.Erfc(double.PositiveInfinity));
        Assert.Equal(2, ErrorFunction.Erfc(double.NegativeInfinity));
        Assert.True(double.IsNaN(ErrorFunction.Erf(double.NaN)) && double.IsNaN(ErrorFunction.Erfc(double.NaN)));
        Assert.Equal(0.5, ErrorFunction.Normal(0));
    }

    /// <summary>
    /// 2 / sqrt(pi) sum of (-1)^n x^(2 n + 1) / (n! (2 n + 1)), through the form e^(-x^2) 2^n x^(2 n + 1) / (2 n +
    /// 1)!!.
    /// </summary>
    private static decimal Series(decimal x)
    {
        decimal term = x, sum = x, exponential = 1, power = 1;
        for (int n = 1; term > 1e-28m; n++)
        {
            term *= 2 * x * x / ((2 * n) + 1);
            sum += term;
        }

        for (int n = 1; power > 1e-28m && n < 200; n++)
        {
            power *= x * x / n;
            exponential += power;
        }

        return TwoOverRootPi * sum / exponential;
    }
}
