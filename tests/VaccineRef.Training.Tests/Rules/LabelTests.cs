namespace VaccineRef.Training.Tests.Rules;

/// <summary>How settings are written in reports.</summary>
public sealed class LabelTests
{
    [Theory]
    [InlineData(0.04, "0.04")]
    [InlineData(1, "1")]
    [InlineData(-0.5, "-0.5")]
    [InlineData(1234.5, "1234.5")]
    [InlineData(1e4, "1e4")]
    [InlineData(-12345678, "-1.235e7")]
    [InlineData(1e9, "1e9")]
    public void A_number_is_as_short_as_it_can_be(double value, string text) =>
        Assert.Equal(text, NumberText.Of(value));

    [Fact]
    public void A_label_names_what_is_not_the_default_in_one_order()
    {
        Assert.Equal("Vaccine, rho = 2", new VaccineOptions(2).Label());
        Assert.Equal(
            "Vaccine, rho = 2, norm sample, dropout fresh",
            new VaccineOptions(2, PerturbationNorm.Sample, PassDropout.Fresh).Label());
    }
}
