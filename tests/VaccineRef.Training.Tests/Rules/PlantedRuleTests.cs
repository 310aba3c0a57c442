using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>
/// The laws of any rule are tested: each defect that is planted into a rule breaks the laws about it.
/// </summary>
public sealed class PlantedRuleTests
{
    public enum Flaw
    {
        None,
        IgnoresScale,
        Overwrites,
        LeavesTape,
        MovesWeights,
        TwoForwards,
        Misreports,
        MisreportsClean,
        DrawsAnew,
        NeverPlain,
        HalfTheGradient,
    }

    public static TheoryData<Flaw, string[]> Flaws => new()
    {
        { Flaw.None, [] },
        { Flaw.IgnoresScale, ["accumulation"] },
        { Flaw.Overwrites, ["accumulation"] },
        { Flaw.LeavesTape, ["leaves the model alone"] },
        { Flaw.MovesWeights, ["accumulation", "leaves the model alone", "report", "same bits"] },
        { Flaw.TwoForwards, ["passes"] },
        { Flaw.Misreports, ["report", "slope"] },
        { Flaw.MisreportsClean, ["report"] },
        { Flaw.DrawsAnew, ["accumulation", "plain at zero", "same bits", "slope"] },
        { Flaw.NeverPlain, ["plain at zero"] },
        { Flaw.HalfTheGradient, ["plain at zero", "slope"] },
    };

    [Theory]
    [MemberData(nameof(Flaws))]
    public void A_planted_flaw_breaks_the_laws_about_it(Flaw flaw, string[] laws)
    {
        var rule = new RuleCase("planted", new PlantedOptions(flaw, 0.5))
        {
            AsPlain = new PlantedOptions(flaw, 0),
            IsSlopeOfItsLoss = true,
        };
        var broken = RuleLaws.Run(rule).Where(result => result.Outcome == LawOutcome.Broken);
        Assert.Equal(laws.Order(), broken.Select(result => result.Law).Order());
    }

    private sealed record PlantedOptions(Flaw Flaw, double Share) : RuleOptions
    {
        public int Calls { get; set; }

        public override string Label() => "planted";

        public override PassCount Passes() => new(1, 1);

        public override IGradientRule<T> Make<T>(Device device) => new Planted<T>(this);
    }

    /// <summary>The plain rule, with a flaw.</summary>
    private sealed class Planted<T>(PlantedOptions options) : IGradientRule<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public string Name => "planted";

        public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
        {
            var pass = state.Pass(new NoTap<T>());
            double factor = options.Flaw switch
            {
                Flaw.IgnoresScale => 1,
                Flaw.HalfTheGradient => scale / 2,
                Flaw.DrawsAnew => scale * (1 + (0.01 * ++options.Calls)),
                Flaw.NeverPlain => scale * (options.Share == 0 ? 2 : 1),
                _ => scale,
            };
            if (options.Flaw == Flaw.Overwrites)
                foreach (var parameter in state.Trainable)
                    parameter.Gradient.Span.Clear();
            double loss = state.Descend(objective, batch, pass, factor);
            if (options.Flaw == Flaw.TwoForwards)
                state.Loss(objective, batch, pass, out _);
            if (options.Flaw is Flaw.LeavesTape)
                objective.Loss(pass, batch);
            else
                state.Tape.Clear();
            if (options.Flaw == Flaw.MovesWeights)
                state.Trainable[0].Value.Span[0] += T.One;
            return options.Flaw switch
            {
                Flaw.Misreports => new(2 * loss),
                Flaw.MisreportsClean => new(loss, CleanLoss: 2 * loss),
                _ => new(loss),
            };
        }
    }
}
