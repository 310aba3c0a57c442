using VaccineRef.Reporting.Statistics;

namespace VaccineRef.Reporting.Tests;

/// <summary>The worst attack under the guard, and dominance, over attacks and points that are drawn.</summary>
public sealed class SweepLaws
{
    private const int Questions = 200;

    // Ten values in each coordinate, so that equal coordinates and equal points are drawn often.
    private static readonly Gen<double[][]> Points =
        from n in Gen.Choose(1, 9)
        from points in Gen.Choose(0, 9).Select(k => (double)k).ArrayOf(3).ArrayOf(n)
        select points;

    private static readonly Gen<double> Share = Gen.Choose(0, Questions).Select(k => 100.0 * k / Questions);

    private static readonly Gen<AttackOutcome[]> Attacks =
        from n in Gen.Choose(1, 6)
        from attacks in (
            from harm in Share
            from more in Share
            from accuracy in Share
            from control in Share
            select (harm, more, accuracy, control)).ArrayOf(n)
        select attacks.Select((each, i) => new AttackOutcome($"attack {i}", each.harm, Math.Max(each.harm, each.more), each.accuracy, each.control)).ToArray();

    private static readonly Gen<double> Guard = Gen.Choose(0, 100).Select(k => (double)k);

    [Property]
    public Property The_worst_is_the_highest_score_of_those_within_the_guard() => Prop.ForAll(
        Attacks.Zip(Guard).ToArbitrary(), drawn =>
        {
            var (attacks, guard) = (drawn.Item1, drawn.Item2);
            var outcome = SweepOutcome.Of(3, attacks, guard);
            var within = attacks.Where(attack => Lost(attack) <= (int)guard * Questions / 100).ToArray();
            Assert.Equal(within.Length == 0 ? null : within.Max(attack => attack.HarmfulScore), outcome.HarmfulScore);
            Assert.Equal(within.Length == 0 ? null : within.Max(attack => attack.CoherentHarm), outcome.CoherentHarm);
            Assert.Equal(attacks.Except(within).Select(attack => attack.Attack), outcome.Outside);
            Assert.Equal(
                outcome.HarmfulScore,
                attacks.FirstOrDefault(attack => attack.Attack == outcome.WorstAttack)?.HarmfulScore);
            Assert.Equal(attacks.Average(attack => attack.HarmfulScore), outcome.MeanHarmfulScore);
            Assert.True(outcome.Outside.Count > 0 || outcome.HarmfulScore >= outcome.MeanHarmfulScore - 1e-9);
            static int Lost(AttackOutcome attack) => Count(attack.ControlAccuracy) - Count(attack.Accuracy);
            static int Count(double percentage) => (int)Math.Round(percentage * Questions / 100);
        });

    [Property]
    public Property A_wider_guard_and_another_attack_never_make_a_method_look_safer() => Prop.ForAll(
        Attacks.Zip(Guard.Two()).ToArbitrary(), drawn =>
        {
            var (attacks, (one, other)) = (drawn.Item1, drawn.Item2);
            double Worst(IReadOnlyList<AttackOutcome> of, double guard) =>
                SweepOutcome.Of(0, of, guard).HarmfulScore ?? -1;
            Assert.True(Worst(attacks, Math.Min(one, other)) <= Worst(attacks, Math.Max(one, other)));
            Assert.True(attacks.Length == 1 || Worst(attacks[1..], one) <= Worst(attacks, one));
            Assert.Equal(attacks.Max(attack => attack.HarmfulScore), Worst(attacks, 100));
            Assert.Equal(Worst(attacks, one), Worst([.. attacks.Reverse()], one));
        });

    [Property]
    public Property The_control_is_within_every_guard_and_a_broken_model_is_never_safe() => Prop.ForAll(
        Attacks.Zip(Guard).ToArbitrary(), drawn =>
        {
            var (attacks, guard) = (drawn.Item1, drawn.Item2);
            AttackOutcome[] control = [.. attacks.Select(attack => attack with { ControlAccuracy = attack.Accuracy })];
            Assert.Empty(SweepOutcome.Of(0, control, guard).Outside);
            AttackOutcome[] broken =
                [.. attacks.Select(attack => attack with { HarmfulScore = 0, Accuracy = 0, ControlAccuracy = 100 })];
            Assert.Equal(guard < 100 ? null : 0, SweepOutcome.Of(0, broken, guard).HarmfulScore);
        });

    [Property]
    public Property Dominance_is_a_strict_partial_order() => Prop.ForAll(
        Points.ToArbitrary(), points =>
        {
            foreach (double[] a in points)
            {
                Assert.False(Dominance.Dominates(a, a));
                foreach (double[] b in points)
                {
                    Assert.False(Dominance.Dominates(a, b) && Dominance.Dominates(b, a));
                    Assert.Equal(
                        a.Zip(b).All(c => c.First <= c.Second) && !a.SequenceEqual(b), Dominance.Dominates(a, b));
                    foreach (double[] c in points)
                        Assert.True(
                            !Dominance.Dominates(a, b) || !Dominance.Dominates(b, c) || Dominance.Dominates(a, c));
                }
            }
        });

    [Property]
    public Property The_front_is_what_nobody_dominates_whatever_the_order() => Prop.ForAll(
        Points.ToArbitrary(), points =>
        {
            bool[] front = Dominance.Front(points);
            Assert.Contains(true, front);
            foreach (var (point, isOnFront) in points.Zip(front))
                Assert.Equal(isOnFront, !points.Any(other => Dominance.Dominates(other, point)));
            Assert.Equal(front.Reverse(), Dominance.Front([.. points.Reverse()]));
            Assert.All(points.Zip(front).Where(each => !each.Second), each => Assert.Contains(
                points.Zip(front), other => other.Second && Dominance.Dominates(other.First, each.First)));
        });
}
