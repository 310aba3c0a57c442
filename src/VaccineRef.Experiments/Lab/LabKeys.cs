using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Lab;

/// <summary>
/// Names cells by what determines their findings: SHA-256 of the settings that bear on a cell, and of its parent's name.
/// What only names things (arms, sizes) or decides elsewhere (the user's training, for an alignment) is not in it.
/// </summary>
public static class LabKeys
{
    /// <summary>Goes up whenever the program finds other numbers, or writes them otherwise, for the same settings.</summary>
    public const int Format = 2;

    /// <summary>The hash of a cell under some settings, in lower-case hexadecimal.</summary>
    public static string Of(LabSettings settings, LabCell cell)
    {
        string? parent = cell.Parent is { } before ? Of(settings, before) : null;
        string subject = settings.Subject.Key(cell);
        var training = Training(settings, cell);
        var key = cell switch
        {
            { Attack: { } attack } => new LabKey(parent, subject, training)
            {
                Attack = attack with { HarmfulRatio = Plain(attack.HarmfulRatio) },
                Defense = cell.Arm.Defense,
                Points = settings.CurvePoints,
                ProjectedPrompts = IsProjected(settings, cell) ? settings.ProjectedPrompts : null,
            },
            { Arm.Method: not null } => new(parent, subject, training)
            {
                Arm = cell.Arm with { Name = "", Defense = null },
                Points = settings.PerturbationPoints,
                Convergence = settings.Convergence,
            },
            _ => new(null, subject, training)
            {
                Base = new(Format, settings.Arithmetic, cell.Seed, cell.Size with { Name = "" }),
            },
        };
        return Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(key, LabKeyJson.Default.LabKey)));
    }

    /// <summary>How a cell's own stage is trained.</summary>
    public static TrainOptions Training(LabSettings settings, LabCell cell) => settings.Subject.Training(cell);

    /// <summary>Whether a cell's hidden embeddings are projected.</summary>
    public static bool IsProjected(LabSettings settings, LabCell cell) =>
        cell.Attack is { StepFactor: 1 } attack && attack.HarmfulRatio == settings.ProjectedRatio;

    /// <summary>0.10 is 0.1.</summary>
    private static decimal Plain(decimal value) => value / 1.000000000000000000000000000000000m;
}

internal sealed record LabKey(string? Parent, string Subject, TrainOptions Training)
{
    public LabBaseKey? Base { get; init; }

    public LabArm? Arm { get; init; }

    public LabAttack? Attack { get; init; }

    public DefenseChoice? Defense { get; init; }

    public Convergence? Convergence { get; init; }

    public int? Points { get; init; }

    public int? ProjectedPrompts { get; init; }
}

internal sealed record LabBaseKey(int Format, string Arithmetic, ulong Seed, LabSize Size);

[JsonSourceGenerationOptions(UseStringEnumConverter = true)]
[JsonSerializable(typeof(LabKey))]
internal sealed partial class LabKeyJson : JsonSerializerContext;
