using System.Globalization;
using System.Numerics;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.World;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Recipes;

/// <summary>Makes judges from what a recipe or a command says.</summary>
public static class Judges
{
    /// <summary>The judge where none is named.</summary>
    public const string Default = "refusal-phrases";

    private const string Synthetic = "synthetic", Moderation = "moderation";

    // Which settings each judge has: one that it does not have would be read and ignored.
    private static readonly OrderedDictionary<string, string[]> Settings = new()
    {
        [Default] = [],
        [Synthetic] = ["world_seed"],
        [Moderation] = ["judge_model", "threshold"],
    };

    private static readonly string[] Needed = ["world_seed", "judge_model"];

    /// <summary>The names.</summary>
    public static IReadOnlyList<string> Names => Settings.Keys;

    /// <summary>Checks that a choice has the settings of its judge, and no others.</summary>
    /// <param name="choice">The choice.</param>
    /// <param name="place">
    /// Where a setting stands, by its name in a recipe: "$.evaluation.threshold" or "--threshold".
    /// </param>
    /// <exception cref="RecipeException">
    /// The judge is unknown, lacks a setting, or is given one that it does not have.
    /// </exception>
    public static void Require(EvaluationStage choice, Func<string, string> place)
    {
        if (!Settings.TryGetValue(choice.Judge, out string[]? allowed))
            throw new RecipeException(
                "unknown judge", place("judge"), choice.Judge, string.Join(", ", Names),
                RecipeReader.DidYouMean(choice.Judge, Names));
        foreach (var (name, given) in Given(choice))
        {
            if (given && !allowed.Contains(name))
                throw new RecipeException(
                    $"the judge {choice.Judge} has no such setting", place(name), name,
                    allowed.Length > 0 ? string.Join(", ", allowed.Select(place)) : "no settings",
                    "remove it, or choose another judge");
            if (!given && allowed.Contains(name) && Needed.Contains(name))
                throw new RecipeException(
                    $"the judge {choice.Judge} needs a setting", place(name), "nothing",
                    name == "judge_model" ? "a model folder" : "a seed");
        }

        if (choice.Threshold is not (null or (> 0 and < 1)))
            throw new RecipeException(
                "a value is out of its range", place("threshold"),
                choice.Threshold.Value.ToString(CultureInfo.InvariantCulture), "above 0 and below 1");
    }

    /// <summary>The judge of a choice that was checked; dispose of it if it can be.</summary>
    /// <param name="choice">The choice.</param>
    /// <param name="folder">The folder that its paths are relative to.</param>
    /// <param name="device">Where a judge that is a model runs.</param>
    /// <param name="weights">How its linear weights are kept.</param>
    /// <exception cref="InputException">The folder does not hold such a judge.</exception>
    public static IJudge Open<T>(EvaluationStage choice, string folder, Device device, WeightPrecision weights)
        where T : unmanaged, IFloatingPointIeee754<T> => choice.Judge switch
        {
            Moderation => new ModerationJudge<T>(
                Path.GetFullPath(Path.Combine(folder, choice.JudgeModel!)),
                choice.Threshold ?? ModerationJudge<T>.ReleasedThreshold, device, weights),
            Synthetic => new SyntheticJudge(new SyntheticWorld(choice.WorldSeed!.Value, new WorldSettings())),
            _ => new RefusalPhraseJudge(),
        };

    private static (string Name, bool Given)[] Given(EvaluationStage choice) =>
    [
        ("judge_model", choice.JudgeModel is not null), ("threshold", choice.Threshold is not null),
        ("world_seed", choice.WorldSeed is not null),
    ];
}
