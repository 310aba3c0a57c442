using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using VaccineRef.Alignment.Recipes;
using VaccineRef.Alignment.World;

namespace VaccineRef.Alignment.Lab;

/// <summary>
/// Names cells by what determines their findings: SHA-256 of the settings that bear on a cell, and of its parent's name.
/// What only names things (arms, sizes) or decides elsewhere (the user's training, for an alignment) is not in it.
/// </summary>
public static class LabKeys
{
    /// <summary>Goes up whenever the program finds other numbers, or writes them otherwise, for the same settings.</summary>
    public const int Format = 1;

    /// <summary>The hash of a cell under some settings, in lower-case hexadecimal.</summary>
    public static string Of(LabSettings settings, LabCell cell)
    {
        string? parent = cell.Parent is { } before ? Of(settings, before) : null;
        LabKey key = cell switch
        {
            { Attack: { } attack } => new(
                parent, null, Training(settings, cell), null, attack with { HarmfulRatio = Plain(attack.HarmfulRatio) },
                Adapter(settings), settings.CurvePoints, IsProjected(settings, cell) ? settings.ProjectedPrompts : null, cell.Arm.Defense),
            { Arm.Method: not null } => new(
                parent, null, Training(settings, cell), cell.Arm with { Name = "", Defense = null }, null,
                cell.Arm.Adapters == LabAdapters.Full ? null : Adapter(settings), settings.PerturbationPoints, null),
            _ => new(
                null,
                new(Format, settings.Arithmetic, cell.Seed, cell.Size with { Name = "" }, settings.World with { AttackCount = 1 }),
                Training(settings, cell), null, null, null, null, null),
        };
        return Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(key, LabKeyJson.Default.LabKey)));
    }

    /// <summary>How a cell's own stage is trained.</summary>
    public static TrainOptions Training(LabSettings settings, LabCell cell) => cell switch
    {
        { Attack: { } attack } =>
            Times(settings.Attack, attack.StepFactor, attack.Samples + Defenses.Guards(cell.Arm.Defense)),
        { Arm: { Method: not null, Adapters: LabAdapters.Full } arm } => Times(settings.Align, arm.StepFactor, Examples(settings)),
        { Arm: { Method: not null } arm } => Times(settings.AlignAdapter, arm.StepFactor, Examples(settings)),
        _ => settings.Base,
    };

    /// <summary>Whether a cell's hidden embeddings are projected.</summary>
    public static bool IsProjected(LabSettings settings, LabCell cell) =>
        cell.Attack is { StepFactor: 1 } attack && attack.HarmfulRatio == settings.ProjectedRatio;

    private static int Examples(LabSettings settings) => settings.World.AlignmentRefusals + settings.World.AlignmentHelpful;

    private static TrainOptions Times(TrainOptions options, double factor, int examples) =>
        options with { MaxSteps = Math.Max(1, (int)Math.Round(factor * options.Steps(examples))) };

    private static LabAdapterKey Adapter(LabSettings settings) => new(settings.Rank, settings.Scaling);

    /// <summary>0.10 is 0.1.</summary>
    private static decimal Plain(decimal value) => value / 1.000000000000000000000000000000000m;
}

internal sealed record LabKey(
    string? Parent, LabBaseKey? Base, TrainOptions Training, LabArm? Arm, LabAttack? Attack, LabAdapterKey? Adapter, int? Points,
    int? ProjectedPrompts,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] DefenseChoice? Defense = null);

internal sealed record LabBaseKey(int Format, string Arithmetic, ulong Seed, LabSize Size, WorldSettings World);

internal sealed record LabAdapterKey(int Rank, double Scaling);

[JsonSourceGenerationOptions(UseStringEnumConverter = true)]
[JsonSerializable(typeof(LabKey))]
internal sealed partial class LabKeyJson : JsonSerializerContext;
