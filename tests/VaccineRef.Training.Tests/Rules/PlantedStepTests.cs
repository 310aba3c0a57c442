using VaccineRef.Laws;
using VaccineRef.Testing;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>
/// The laws themselves are tested: each defect that is planted into a step breaks the laws that are about it.
/// </summary>
public sealed class PlantedStepTests
{
    private const string Bound = "norm bound", Rise = "rise", Better = "no better direction",
        Scale = "scale invariance",
        Order = "order of layers", Zero = "zero gradient", Sites = "site gradients", Second = "second pass",
        Plain = "plain at rho zero", Linear = "linear loss", Sum = "accumulation", Alone = "leaves the model alone",
        Passes = "passes", Merge = "merge";

    /// <summary>
    /// Every defect, with all the laws that it breaks. A wrong norm breaks the invariance of scale through the guard,
    /// which is then added to another number.
    /// </summary>
    public static TheoryData<Fault, string[]> Faults => new()
    {
        { Fault.Nothing, [] },
        { Fault.NormPerLayer, [Bound, Rise, Better, Scale, Linear] },
        { Fault.NormPerLayerShared, [Bound, Rise, Better, Scale, Linear] },
        { Fault.SumOfNorms, [Bound, Rise, Scale, Linear] },
        { Fault.SquareOfNorm, [Bound, Rise, Scale, Linear] },
        { Fault.NoNorm, [Bound, Rise, Scale, Linear] },
        { Fault.WrongSign, [Rise, Better, Linear] },
        { Fault.SignOfGradient, [Bound, Rise, Better, Scale, Linear] },
        { Fault.RhoIgnored, [Bound, Rise, "rho zero", Plain, Linear] },
        { Fault.BoundNotReached, [Bound, Rise, Linear] },
        { Fault.NoGuard, [Bound, Rise, Scale, Zero, Linear] },
        { Fault.LastLayerMissing, [Bound, Rise, Better, Order, Linear] },
        { Fault.NormOfFirstLayer, [Bound, Rise, Scale, Order, Linear] },
        { Fault.FirstPassKept, [Second, Plain] },
        { Fault.SecondPassMissing, [Second] },
        { Fault.StaleEpsilon, [Second, Sum, Alone] },
        { Fault.AppliedTwice, [Second] },
        { Fault.AccumulationLost, [Sum] },
        { Fault.ScaleIgnored, [Sum] },
        { Fault.SummedBeforePerturbing, [Sum] },
        { Fault.HooksStay, [Second, Sum, Alone] },
        { Fault.ExtraPass, [Passes] },
        { Fault.GradientDoubled, [Second, Plain] },
        { Fault.SiteGradientDoubled, [Sites, Linear] },
        { Fault.ForgetsToMerge, [Merge] },
        { Fault.MergesWithoutScale, [Merge] },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_planted_defect_breaks_the_laws_about_it(Fault fault, string[] laws)
    {
        var broken = VaccineLaws.Run(new PlantedStep(fault), "planted")
            .Where(result => result.Outcome == LawOutcome.Broken);
        Assert.Equal(laws.Order(), broken.Select(result => result.Law).Order());
    }

    /// <summary>
    /// What offers the inner maximisation alone is checked by seven laws, and passes none of the others.
    /// </summary>
    [Fact]
    public void What_is_not_offered_is_not_checked()
    {
        var results = VaccineLaws.Check(new InnerAlone(), "inner");
        Assert.Equal(7, results.Count(result => result.Outcome == LawOutcome.Holds));
        Assert.All(results.Skip(7), result => Assert.Equal((LawOutcome.NotChecked, 0), (result.Outcome, result.Cases)));
    }

    [Fact]
    public void The_seed_finds_the_smallest_case_again()
    {
        var first = VaccineLaws.Named(Sum).Run(new PlantedStep(Fault.AccumulationLost), "planted");
        var options = new LawOptions(first.Seed, first.MaxTest);
        Assert.Equal(first, VaccineLaws.Named(Sum).Run(new PlantedStep(Fault.AccumulationLost), "planted", options));
        Assert.Contains("sites 1, columns 1, rho 1", first.SmallestCase, StringComparison.Ordinal);
    }

    private sealed class InnerAlone : IVaccineStep
    {
        public double[][] Perturb(double[][] gradients, double rho) =>
            new PlantedStep(Fault.Nothing).Perturb(gradients, rho);
    }
}
