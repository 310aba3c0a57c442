using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>
/// What can be known of trials before anything is computed: everything that is wrong with them, at once, and what they
/// need. Nothing is trained, and no memory is taken for any model.
/// </summary>
/// <param name="Data">The files, and what every stage of every trial takes from them.</param>
/// <param name="Sound">The trials with which nothing is wrong.</param>
/// <param name="Trials">What was found of each of them, in order.</param>
/// <param name="Failed">The trials that cannot begin.</param>
/// <param name="Problems">Everything that is wrong, each once.</param>
public sealed record Preflight(
    DataManifest Data, IReadOnlyList<Trial> Sound, IReadOnlyList<TrialForecast> Trials,
    IReadOnlyList<FailedTrial> Failed,
    IReadOnlyList<PlanProblem> Problems)
{
    // Of one key: what is wrong with a thousand rows is not said a thousand times.
    private const int MostOfKey = 10;

    /// <summary>Goes through all trials.</summary>
    /// <param name="trials">The trials.</param>
    /// <param name="files">The files of the recipe.</param>
    public static Preflight Of(IReadOnlyList<Trial> trials, DataFiles files)
    {
        var failed = new List<FailedTrial>();
        var sound = new List<Trial>();
        var forecasts = new List<TrialForecast>();
        var known = new Dictionary<object, StageForecast>();
        var seen = new HashSet<string>();
        var (shared, seed) = (new CommonData(), (ulong?)null);
        foreach (var trial in trials)
        {
            // trials of one seed follow each other: what was made for another seed is let go
            if (trial.Seed != seed)
                (shared, seed) = (new(), trial.Seed);
            // trials that differ in the seed alone need the same
            string cell = $"{trial.Model}|{trial.Condition}|{trial.Attack}";
            bool rehearse = seen.Add(cell);
            var problems = new List<PlanProblem>();
            var forecast = trial.Recipe.Precision == Precision.Double
                ? Of<double>(trial, files, shared, known, rehearse, problems.Add)
                : Of<float>(trial, files, shared, known, rehearse, problems.Add);
            if (problems.Count > 0)
            {
                failed.Add(new(trial, Bounded(problems)));
                seen.Remove(cell);
                continue;
            }

            sound.Add(trial);
            forecasts.Add(forecast);
        }

        return new(Join(forecasts), sound, forecasts, failed, Bounded(failed.SelectMany(each => each.Problems)));
    }

    /// <summary>Goes through all trials, and goes on only where nothing is wrong.</summary>
    /// <exception cref="PlanException">Something is wrong: everything that is.</exception>
    public static Preflight Require(IReadOnlyList<Trial> trials, DataFiles files)
    {
        var found = Of(trials, files);
        return found.Problems.Count == 0 ? found : throw new PlanException(found.Problems, found.Kept);
    }

    /// <summary>
    /// Goes through all trials, and goes on with those with which nothing is wrong, if there are any.
    /// </summary>
    /// <exception cref="PlanException">Something is wrong with every trial: everything that is.</exception>
    public static Preflight RequireAny(IReadOnlyList<Trial> trials, DataFiles files)
    {
        var found = Of(trials, files);
        return found.Sound.Count > 0 ? found : throw new PlanException(found.Problems);
    }

    /// <summary>What the problems keep from running.</summary>
    public string Kept => Sound.Count == 0 ? "the recipe" : $"{Failed.Count} of {Sound.Count + Failed.Count} cells";

    private static TrialForecast Of<T>(
        Trial trial, DataFiles files, CommonData shared, Dictionary<object, StageForecast> known, bool rehearse,
        Action<PlanProblem> found)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        using var check = new TrialCheck<T>(trial, files, shared, known, found);
        return check.Run(rehearse);
    }

    private static DataManifest Join(IEnumerable<TrialForecast> forecasts) => new(
        [.. forecasts.SelectMany(each => each.Data.Sources).Distinct()],
        [.. forecasts.SelectMany(each => each.Data.Stages)
            .DistinctBy(stage => (stage.Name, stage.Seed, stage.Sha256))]);

    private static PlanProblem[] Bounded(IEnumerable<PlanProblem> problems)
    {
        var groups = problems.GroupBy(problem => problem.Error.Message).Select(same => same.Last())
            .GroupBy(problem => (problem.Key, problem.Error.What));
        return
        [
            .. groups.SelectMany(group => group.Count() <= MostOfKey ? group : group.Take(MostOfKey).Append(new(
                group.Key.Key,
                new InputException($"{group.Key.What}: {group.Count() - MostOfKey} more of this kind")))),
        ];
    }
}
