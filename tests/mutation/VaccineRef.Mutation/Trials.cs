namespace VaccineRef.Mutation;

/// <summary>
/// Puts one defect after another in force, and runs the classes that reach it: near ones first, cheap ones first, until
/// one is red.
/// </summary>
/// <param name="root">The altered copy.</param>
/// <param name="classes">All classes of tests.</param>
/// <param name="far">
/// How many of the processor's seconds classes of other projects may take in all, for each defect.
/// </param>
public sealed class Trials(string root, IReadOnlyList<TestClass> classes, double far)
{
    /// <summary>What a defect may take beside its multiple of what the classes take without one.</summary>
    private const int Slower = 5, Start = 30;

    private static readonly double[] Portions = [4, 12, 40];

    /// <summary>Tries one defect.</summary>
    public Trial Of(Defect defect)
    {
        string[] near =
            Library.All.Single(library => defect.File.StartsWith(library.Project + "/", StringComparison.Ordinal)).Near;
        var reaching = classes.Where(each => each.Red is null
            && (each.Reached.Contains(defect.Number) || (defect.OnGpu && near.Contains(each.Project))))
            .OrderBy(each => each.Seconds).ToArray();
        double left = far;
        TestClass[] others = [.. reaching.Where(each => !near.Contains(each.Project))
            .TakeWhile(each => (left -= each.Seconds) > 0)];
        int run = 0;
        foreach (var batch in Batches(reaching.Where(each => near.Contains(each.Project))).Concat(Batches(others)))
        {
            run += batch.Length;
            int seconds = Start + (int)(Slower * batch.Sum(each => each.Seconds));
            if (Shell.Tests(Reaching.Assembly(root, batch[0].Project), batch.Select(each => each.Name), seconds, ("PLANTED_DEFECT", $"{defect.Number}")).Red is { } red)
                return new(defect.Id, red, run);
        }

        return new(defect.Id, null, run);
    }

    /// <summary>Classes that run together: few seconds first, for most defects are noticed there.</summary>
    private static IEnumerable<TestClass[]> Batches(IEnumerable<TestClass> ordered)
    {
        foreach (var project in ordered.GroupBy(each => each.Project))
        {
            var (batch, sum, portion) = (new List<TestClass>(), 0.0, 0);
            foreach (var each in project)
            {
                batch.Add(each);
                sum += each.Seconds;
                if (sum < Portions[portion])
                    continue;
                yield return [.. batch];
                batch.Clear();
                (sum, portion) = (0, Math.Min(portion + 1, Portions.Length - 1));
            }

            if (batch.Count > 0)
                yield return [.. batch];
        }
    }
}
