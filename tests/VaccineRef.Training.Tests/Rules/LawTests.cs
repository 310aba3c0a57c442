using System.Reflection;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Gpu;
using VaccineRef.Laws;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>The laws of the package on this program's own step and rules.</summary>
public sealed class LawTests
{
    public static TheoryData<string> Laws => [.. VaccineLaws.All.Select(law => law.Name)];

    public static TheoryData<string> Rules => [.. RuleCases.All.Select(rule => rule.Name)];

    [Theory]
    [MemberData(nameof(Laws))]
    public void The_reference_step_obeys(string law)
    {
        using var device = new CpuDevice(1);
        using var step = new ReferenceStep(device);
        Assert.Equal(LawOutcome.Holds, Checked(VaccineLaws.Named(law).Run(step, "reference")));
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void Every_rule_obeys(string name)
    {
        var rule = RuleCases.Named(name);
        foreach (var result in RuleLaws.Check(rule))
        {
            bool offered = result.Law switch
            {
                "slope" => rule.IsSlopeOfItsLoss,
                "plain at zero" => rule.AsPlain is not null,
                _ => true,
            };
            Assert.Equal(offered ? LawOutcome.Holds : LawOutcome.NotChecked, result.Outcome);
        }
    }

    [Fact]
    public void Both_hold_on_a_simulated_gpu()
    {
        using var gpu = Devices.Open(Devices.Simulator);
        using var step = new ReferenceStep(gpu);
        foreach (string law in (string[])["norm bound", "rise", "linear loss", "passes"])
            Assert.Equal(LawOutcome.Holds, Checked(VaccineLaws.Named(law).Run(step, "reference", new(MaxTest: 2))));
        var sameBits = RuleLaws.All.Single(law => law.Name == "same bits");
        Assert.Equal(
            LawOutcome.Holds, Checked(sameBits.Run(new(RuleCases.Named("vaccine"), gpu), "vaccine", new(MaxTest: 1))));
    }

    [Fact]
    public void Every_rule_of_a_recipe_has_a_case()
    {
        var kinds = typeof(RuleOptions).GetCustomAttributes<JsonDerivedTypeAttribute>()
            .Select(kind => (string)kind.TypeDiscriminator!);
        Assert.Equal(kinds.Order(), RuleCases.All.Select(rule => rule.Name).Order());
    }

    private static LawOutcome Checked(LawResult result) => LawException.ThrowIfBroken([result])[0].Outcome;
}
