using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Recipes;

/// <summary>Makes gradient rules from what a recipe says.</summary>
public static class Methods
{
    private static readonly string[] Perturbing = ["rho", "norm", "dropout", "sites"], Needed = ["rho", "tau", "variance"];

    // Which settings each rule has: one that it does not have would be read and ignored.
    private static readonly Dictionary<string, string[]> Settings = new()
    {
        ["plain"] = [],
        ["vaccine"] = Perturbing,
        ["accelerated_vaccine"] = [.. Perturbing, "tau"],
        ["random"] = ["variance", "sites"],
        ["random_direction"] = ["rho", "sites"],
    };

    private const string Default = "$.alignment.method";

    /// <summary>Checks that a choice has the settings of its rule, and no others.</summary>
    /// <param name="choice">The choice.</param>
    /// <param name="path">Where it stands.</param>
    /// <exception cref="RecipeException">The rule is unknown, lacks a setting, or is given one that it does not have.</exception>
    public static void Require(MethodChoice choice, string path = Default)
    {
        if (!Settings.TryGetValue(choice.Rule, out var allowed))
            throw new RecipeException(
                "unknown gradient rule", $"{path}.rule", choice.Rule, string.Join(", ", Settings.Keys),
                RecipeReader.DidYouMean(choice.Rule, Settings.Keys));
        foreach (var (name, given) in Given(choice))
        {
            if (given && !allowed.Contains(name))
                throw new RecipeException(
                    $"the rule {choice.Rule} has no such setting", $"{path}.{name}", name,
                    allowed.Length > 0 ? string.Join(", ", allowed) : "no settings", "remove it, or choose another rule");
            if (!given && allowed.Contains(name) && Needed.Contains(name))
                throw new RecipeException($"the rule {choice.Rule} needs a setting", $"{path}.{name}", "nothing", "a number");
        }
    }

    /// <summary>The rule of a choice, on a device.</summary>
    /// <exception cref="RecipeException">As <see cref="Require"/>.</exception>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public static IGradientRule<T> Rule<T>(MethodChoice choice, Device device) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Require(choice);
        Vaccine<T> Vaccine() => new(
            new VaccineOptions(
                choice.Rho!.Value, choice.Norm ?? PerturbationNorm.Batch, choice.Dropout ?? PassDropout.Shared, choice.Sites),
            device);
        return choice.Rule switch
        {
            "vaccine" => Vaccine(),
            "accelerated_vaccine" => new AcceleratedVaccine<T>(Vaccine(), choice.Tau!.Value),
            "random" => new RandomPerturbation<T>(choice.Variance!.Value, choice.Sites),
            "random_direction" => new RandomDirection<T>(choice.Rho!.Value, device, choice.Sites),
            _ => new Plain<T>(),
        };
    }

    private static (string Name, bool Given)[] Given(MethodChoice choice) =>
    [
        ("rho", choice.Rho is not null), ("tau", choice.Tau is not null), ("variance", choice.Variance is not null),
        ("norm", choice.Norm is not null), ("dropout", choice.Dropout is not null), ("sites", choice.Sites is not null),
    ];
}
