using VaccineRef.Core;
using VaccineRef.Training;

namespace VaccineRef.Laws;

/// <summary>All that the laws need to know of a gradient rule.</summary>
/// <param name="Name">The name, as recipes call the rule.</param>
/// <param name="Options">The rule, with the settings that it is checked with.</param>
public sealed record RuleCase(string Name, RuleOptions Options)
{
    /// <summary>The settings at which the rule is the plain one, such as rho = 0; null if there are none.</summary>
    public RuleOptions? AsPlain { get; init; }

    /// <summary>
    /// Whether what the rule adds to the model follows from the random stream alone. The gradient is then the slope of
    /// the loss that it reports. For Vaccine it is not: the perturbation follows from the weights, and is held.
    /// </summary>
    public bool IsSlopeOfItsLoss { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>Every rule that a recipe can name, one line each. A test fails if a rule has no line.</summary>
public static class RuleCases
{
    private const double Rho = 0.5;

    /// <summary>The cases.</summary>
    public static IReadOnlyList<RuleCase> All { get; } =
    [
        new("plain", new PlainOptions()) { AsPlain = new PlainOptions(), IsSlopeOfItsLoss = true },
        new("vaccine", new VaccineOptions(Rho)) { AsPlain = new VaccineOptions(0) },
        new("accelerated_vaccine", new AcceleratedVaccineOptions(Rho, 2))
            { AsPlain = new AcceleratedVaccineOptions(0, 2) },
        new("random", new RandomPerturbationOptions(Rho))
            { AsPlain = new RandomPerturbationOptions(0), IsSlopeOfItsLoss = true },
        new("random_direction", new RandomDirectionOptions(Rho))
            { AsPlain = new RandomDirectionOptions(0), IsSlopeOfItsLoss = true },
    ];

    /// <summary>The case of this name.</summary>
    /// <exception cref="InputException">There is none.</exception>
    public static RuleCase Named(string name) =>
        All.FirstOrDefault(one => one.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new InputException(
            "there is no such rule", "--rule", name, string.Join(", ", All.Select(one => one.Name)));
}
