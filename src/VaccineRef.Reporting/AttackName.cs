using VaccineRef.Experiments.Lab;

namespace VaccineRef.Reporting;

/// <summary>What attacks are called in tables and sentences.</summary>
internal static class AttackName
{
    /// <summary>An attack in full, as in "p = 0.05, n = 400".</summary>
    public static string Of(LabAttack? attack) => attack is null
        ? "before any attack"
        : $"p = {Shown.Plain(attack.HarmfulRatio)}, n = {attack.Samples}{Steps(attack)}";

    /// <summary>An attack by what varies in its preset.</summary>
    public static string Of(LabPreset preset, LabAttack? attack)
    {
        if (attack is null)
            return "none";
        bool ratio = preset.Attacks.Select(each => each.HarmfulRatio).Distinct().Skip(1).Any();
        bool samples = preset.Attacks.Select(each => each.Samples).Distinct().Skip(1).Any();
        return (ratio || !samples ? $"p = {Shown.Plain(attack.HarmfulRatio)}" : "")
            + (samples ? $"{(ratio ? ", " : "")}n = {attack.Samples}" : "") + Steps(attack);
    }

    private static string Steps(LabAttack attack) => attack.StepFactor == 1 ? "" : $", {Shown.Plain(attack.StepFactor)} × steps";
}
