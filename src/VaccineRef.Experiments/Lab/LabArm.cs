using System.Text.Json.Serialization;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Experiments.Lab;

/// <summary>What alignment and the user's fine-tuning train.</summary>
public enum LabAdapters
{
    /// <summary>Alignment trains every weight; the user a fresh adapter.</summary>
    Full,

    /// <summary>Alignment trains an adapter, which is merged; the user a fresh one: the paper's double LoRA.</summary>
    Double,

    /// <summary>Alignment trains an adapter; the user trains it on: the paper's single LoRA.</summary>
    Single,

    /// <summary>Alignment and the user train every weight.</summary>
    None,
}

/// <summary>How a model is aligned: a row of the paper's tables.</summary>
/// <param name="Name">The row's name, as in "Vaccine, rho = 1". It names and determines nothing.</param>
/// <param name="Method">The gradient rule of the alignment and its settings; null where nothing is aligned.</param>
/// <param name="Adapters">What is trained.</param>
/// <param name="StepFactor">Alignment steps, as a multiple of the lab's.</param>
public sealed record LabArm(
    string Name, MethodChoice? Method, LabAdapters Adapters = LabAdapters.Full, double StepFactor = 1)
{
    /// <summary>What is done against the attack while it is trained; null is nothing.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DefenseChoice? Defense { get; init; }

    /// <summary>What the residual stream is multiplied by after the alignment; null leaves it. See <see cref="ResidualStream"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? StreamScale { get; init; }

    /// <summary>The base model as it is: the paper's Non-Aligned.</summary>
    public static LabArm NonAligned { get; } = new("Non-Aligned", null);

    /// <summary>Supervised fine-tuning on the alignment data: what every other arm is compared with.</summary>
    public static LabArm Sft { get; } = new("SFT", new MethodChoice());

    /// <summary>Algorithm 1 with a radius.</summary>
    public static LabArm Vaccine(double rho) =>
        new($"Vaccine, rho = {Text(rho)}", new MethodChoice { Rule = "vaccine", Rho = rho });

    /// <summary>Algorithm 2: the perturbed pass in every tau-th step.</summary>
    public static LabArm Accelerated(double rho, int tau) => new(
        $"Vaccine, rho = {Text(rho)}, tau = {tau}", new MethodChoice { Rule = "accelerated_vaccine", Rho = rho, Tau = tau });

    /// <summary>Gaussian noise of a variance: the paper's Table 7.</summary>
    public static LabArm Random(double variance) =>
        new($"random, rho' = {Text(variance)}", new MethodChoice { Rule = "random", Variance = variance });

    /// <summary>Noise in a random direction, as long as Vaccine's perturbation of that radius.</summary>
    public static LabArm RandomDirection(double rho) =>
        new($"random direction, rho = {Text(rho)}", new MethodChoice { Rule = "random_direction", Rho = rho });

    /// <summary>The arm of a method, named after its settings.</summary>
    public static LabArm Of(MethodChoice method)
    {
        var arm = method switch
        {
            { Rule: "vaccine", Rho: { } rho } => Vaccine(rho),
            { Rule: "accelerated_vaccine", Rho: { } rho, Tau: { } tau } => Accelerated(rho, tau),
            { Rule: "random", Variance: { } variance } => Random(variance),
            { Rule: "random_direction", Rho: { } rho } => RandomDirection(rho),
            _ => Sft,
        };
        string[] more =
        [
            .. method.Norm is { } norm ? [$"norm {norm}"] : (string[])[], .. method.Dropout is { } dropout ? [$"dropout {dropout}"] : (string[])[],
            .. method.Sites is { } sites ? [$"sites {string.Join('+', sites)}"] : (string[])[],
        ];
        return arm with { Name = string.Join(", ", [arm.Name, .. more.Select(text => text.ToLowerInvariant())]), Method = method };
    }

    /// <summary>Elastic weight consolidation in the fine-tuning stage, after an arm's alignment.</summary>
    public static LabArm Ewc(LabArm arm, double lambda) => arm with
    {
        Name = arm == Sft ? $"EWC, lambda = {Text(lambda)}" : $"{arm.Name} + EWC, lambda = {Text(lambda)}",
        Defense = new() { Kind = "ewc", Lambda = lambda },
    };

    /// <summary>The KL baseline, after SFT.</summary>
    public static LabArm Kl(double lambda) =>
        Sft with { Name = $"KL, lambda = {Text(lambda)}", Defense = new() { Kind = "kl", Lambda = lambda } };

    /// <summary>VLGuard: alignment examples among the user's, after SFT.</summary>
    public static LabArm VlGuard(int count) =>
        Sft with { Name = $"VLGuard, {count}", Defense = new() { Kind = "vlguard", Count = count } };

    // 0.04, 1, 1e9
    private static string Text(double value) =>
        value.ToString(value >= 1e4 ? "0.###e0" : "R", System.Globalization.CultureInfo.InvariantCulture);
}
