using VaccineRef.Laws;

namespace VaccineRef.Kernels.Tests;

/// <summary>
/// The laws themselves are tested: each defect that is planted into an op breaks the law that is about it.
/// </summary>
public sealed class PlantedOpTests
{
    /// <summary>Every defect, with all the laws that it breaks.</summary>
    public static TheoryData<Planted, string[]> Defects => new()
    {
        { Planted.Nothing, [] },
        { Planted.GradientTwice, ["transposed derivative", "scalar oracle"] },
        { Planted.WrongSign, ["transposed derivative", "scalar oracle"] },
        { Planted.Forgets, ["adds"] },
        { Planted.SquaresDy, ["transposed derivative", "linear in dy", "scalar oracle"] },
        { Planted.SkipsAll, ["unwanted gradient"] },
        { Planted.ChangesInput, [.. OpLaws.All.Select(law => law.Name).Except(["wrong shapes", "device"])] },
        { Planted.WritesBeyond, [.. OpLaws.All.Select(law => law.Name).Except(["wrong shapes", "device"])] },
        { Planted.LeavesUnwritten, ["transposed derivative", "only its outputs", "float", "scalar oracle"] },
        { Planted.Coarse, ["float"] },
        { Planted.CountsThreads, ["threads"] },
        { Planted.TakesAnyShape, ["wrong shapes"] },
        { Planted.NamesNothing, ["wrong shapes"] },
        { Planted.HidesWhatItReads, ["reads"] },
        { Planted.ClaimsToOverwrite, ["overwrites"] },
        { Planted.OtherEquation, ["scalar oracle"] },
    };

    [Theory]
    [MemberData(nameof(Defects))]
    public void A_planted_defect_breaks_the_laws_about_it(Planted defect, string[] laws)
    {
        var results = OpLaws.Run(Case(defect)).ToArray();
        Assert.Equal(
            laws.Order(),
            results.Where(result => result.Outcome == LawOutcome.Broken).Select(result => result.Law).Order());
    }

    [Fact]
    public void A_law_that_cannot_be_checked_is_no_pass()
    {
        var results = OpLaws.Check(Case(Planted.Nothing) with { Expression = null });
        Assert.Equal(
            ["device", "scalar oracle"],
            results.Where(result => result.Outcome == LawOutcome.NotChecked).Select(result => result.Law));
        using var gpu = Gpu.Devices.Open(Gpu.Devices.Simulator);
        Assert.All(
            OpLaws.Run(Case(Planted.Nothing), gpu).Where(result => result.Law != "wrong shapes"),
            result => Assert.Equal((LawOutcome.NotChecked, 0), (result.Outcome, result.Cases)));
    }

    [Fact]
    public void A_failure_says_the_seed_and_the_smallest_case_and_the_seed_finds_it_again()
    {
        var error = Assert.Throws<LawException>(() => OpLaws.Check(Case(Planted.Forgets)));
        var broken = Assert.Single(error.Broken);
        Assert.StartsWith("1 of 12 laws are broken", error.Message, StringComparison.Ordinal);
        Assert.Contains($"seed {broken.Seed}, {broken.MaxTest} cases", error.Message, StringComparison.Ordinal);
        Assert.Contains(broken.SmallestCase!, error.Message, StringComparison.Ordinal);
        Assert.Contains("N = 1, C = 1", broken.SmallestCase, StringComparison.Ordinal);
        var again = Assert.Single(Assert.Throws<LawException>(() =>
            OpLaws.Check(Case(Planted.Forgets), options: new(broken.Seed, broken.MaxTest))).Broken);
        Assert.Equal(broken, again);
    }

    private static OpCase Case(Planted defect) =>
        new("PlantedProduct", _ => new PlantedOp<float>(defect), _ => new PlantedOp<double>(defect),
            s => [new(s.N, s.C), new(s.N, s.C)])
        {
            Expression = _ => (x, _) =>
            {
                var y = new Scalar[x[0].GetLength(0), x[0].GetLength(1)];
                for (int n = 0; n < y.GetLength(0); n++)
                    for (int c = 0; c < y.GetLength(1); c++)
                        y[n, c] = x[0][n, c] * x[1][n, c];
                return y;
            },
        };
}
