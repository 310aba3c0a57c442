using VaccineRef.Experiments.Lab;
using VaccineRef.Core;

namespace VaccineRef.Reporting.Tests;

/// <summary>Reports without a lab: numbers made up by formula, of the shape that the lab's have.</summary>
internal static class MadeUpLab
{
    private const int Questions = 200, Steps = 200, Points = 8, Layers = 4;

    /// <summary>A report of a preset. The arm named <paramref name="failed"/> converges on no seed.</summary>
    public static LabReport Report(LabPreset preset, int seeds, string? failed = null, decimal projected = 0.1m)
    {
        var grid = new LabGrid(preset, [.. Enumerable.Range(10, seeds).Select(seed => (ulong)seed)]);
        return new(
            grid, new LabSettings { ProjectedRatio = projected },
            [.. grid.Seeds.SelectMany(seed => (LabData[])[new(seed, "base", 19200, new string('a', 64)), new(seed, "alignment", 800, new string('b', 64))])],
            new("cpu, float32", 2, "Linux x64, AVX-512", ".NET 10.0.1", "0.1.0 (abc1234)"),
            [.. grid.Cells().Select(cell => Result(cell, cell.Arm.Name == failed))]);
    }

    private static LabResult Result(LabCell cell, bool failed)
    {
        var random = RandomStream.FromSeed(cell.Seed).At(cell.Arm.Name).At((long)(1000 * (cell.Attack?.HarmfulRatio ?? -1)));
        double strength = cell.Arm.Method is null ? -1 : (cell.Arm.Method.Rho ?? 0) + Math.Sqrt(cell.Arm.Method.Variance ?? 0);
        double Harm(double progress) => cell.Attack is not { } attack
            ? cell.Arm.Method is null ? 1 : 0
            : 1 / (1 + Math.Exp(3.5 + strength - (70 * (double)attack.HarmfulRatio * progress) + (0.7 * random.Normal(0))));
        double Accuracy(double progress) => cell.Attack is null ? 0 : 0.9 * progress * (1 - (0.05 * Math.Max(0, strength)));
        bool? converged = cell.Arm.Method is null ? null : !failed;
        LabPoint[] curve = cell.Attack is null
            ? []
            : [.. Enumerable.Range(0, Points + 1).Select(i => Point(i * Steps / Points, Harm((double)i / Points), Accuracy((double)i / Points), random))];
        var cost = new LabCost(800, 216_256, strength > 0 ? 2 : 1, strength > 0 ? 2 : 1, strength > 0 ? 9_421_184 : 9_012_224, 398.2);
        return new(
            $"{cell.GetHashCode():x8}", cell, cell.Attack is null ? null : Measured(0, 0, random, null), Measured(Harm(1), Accuracy(1), random, cell.Attack is null ? null : curve[^1].Drift),
            converged, strength > 0 && cell.Attack is null ? new(strength, 0.047 * strength, 3.7, 0.011 * strength, [1, 400, 800]) : null, curve,
            curve.FirstOrDefault(point => point.HarmfulScore.Percentage > 50)?.Step, cell.Attack?.HarmfulRatio == 0.1m ? Projected(random) : null,
            cost, new(strength > 0 ? 0.0262 : 0.0148, 12, 14));
    }

    private static LabPoint Point(int step, double harm, double accuracy, RandomStream random) => new(
        step, Count(harm), Count(accuracy), 0.01 + (0.6 * harm), 0.002 + (0.4 * harm) + (0.0001 * step),
        new((2.2 * step / Steps) + (0.2 * random.Uniform(step)), [.. Enumerable.Range(1, Layers).Select(layer => 0.3 * layer * step / Steps)]));

    private static LabMeasurement Measured(double harm, double accuracy, RandomStream random, LabDrift? drift)
    {
        var (right, wrong) = (Count(harm), new LabCount((int)(6 * random.Uniform(1) * harm), Questions));
        int rest = Questions - right.Count - wrong.Count, other = (int)(rest * 0.02);
        return new(
            right, new(right.Count + wrong.Count, Questions), new(rest - other, Questions), new(other, Questions), Count(accuracy),
            Count(Math.Min(1, 1.02 * accuracy)), 4 - (3 * harm), 0.01 + (0.6 * harm), 0.002 + (0.4 * harm), 2 - accuracy, drift, 3.7 + random.Uniform(2));
    }

    private static LabCount Count(double share) => new((int)Math.Round(share * Questions), Questions);

    private static LabProjection Projected(RandomStream random) => new([0.46, 0.21],
    [
        .. from harmful in (bool[])[true, false]
           from attacked in (bool[])[false, true]
           let cloud = random.At(harmful ? "harmful" : "benign").At(attacked ? 1 : 0)
           select new LabCloud(harmful, attacked, [.. Enumerable.Range(0, 60).Select(i => (double[])
           [
               (harmful ? 3 : -3) + (attacked && harmful ? -3 : 0) + cloud.Normal(2 * i), (attacked ? 1.5 : -1.5) + cloud.Normal((2 * i) + 1),
           ])]),
    ]);
}
