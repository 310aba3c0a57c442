using System.Security.Cryptography;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.Runs;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Lab;

/// <summary>A recipe's model and data as the lab's subject: its stages are those of <c>vaccine run</c>, number by number.</summary>
/// <param name="Recipe">The recipe. A cell puts its own seed, method, p, n and defense in the place of the recipe's.</param>
/// <param name="Files">All files that a cell reads: what they are called, and SHA-256.</param>
public sealed record RecipeLab(Recipe Recipe, IReadOnlyList<LabFile> Files) : ILabSubject
{
    private const string Place = "--recipe";

    /// <summary>The folder that the recipe's paths are relative to.</summary>
    [JsonIgnore]
    public string Folder { get; private init; } = "";

    /// <summary>Takes a recipe for a subject, and reads all that it names once.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="folder">The folder that its paths are relative to.</param>
    /// <exception cref="InputException">The recipe lacks a stage, or a file, a row or a count is wrong.</exception>
    public static RecipeLab Open(Recipe recipe, string folder)
    {
        if (recipe is not { Alignment: not null, Attack: not null, Evaluation.Harmful: not null })
            throw new InputException(
                "a recipe of the lab aligns, attacks and measures", Place, recipe.Name,
                "the stages alignment and attack, and harmful instructions in evaluation.harmful");
        if (recipe.Precision != Precision.Float)
            throw new InputException("the lab computes in float", "$.precision", "double", "float", "vaccine run computes in double");
        if (recipe is { Alignment.Lora: not null, Attack.Adapter: AttackAdapter.None })
            throw new InputException(
                "the lab has no alignment through an adapter before a fine-tuning of every weight", "$.attack.adapter", "none",
                "fresh, same, or no lora in the alignment", "vaccine run has it");
        var tokenizer = Tokenizer(recipe, folder);
        var data = new ExperimentData(recipe, folder, tokenizer);
        foreach (var (p, n) in Attacks(recipe))
            _ = new ExperimentData(recipe with { Attack = recipe.Attack with { HarmfulRatio = p, Samples = n } }, folder, tokenizer);
        string?[] folders = [recipe.Model, recipe.Adapter, recipe.Evaluation.JudgeModel];
        return new(recipe,
        [
            .. folders.OfType<string>().SelectMany(name => Hashed(Path.GetFullPath(Path.Combine(folder, name)))),
            .. data.Manifest.Sources.Select(file => new LabFile(file.Name, file.Sha256)),
        ])
        {
            Folder = folder,
        };
    }

    /// <summary>p and n of every attack of a recipe's grid.</summary>
    internal static IEnumerable<(decimal HarmfulRatio, int Samples)> Attacks(Recipe recipe) =>
        from p in (recipe.Lab?.HarmfulRatios ?? []).DefaultIfEmpty(recipe.Attack!.HarmfulRatio)
        from n in (recipe.Lab?.Samples ?? []).DefaultIfEmpty(recipe.Attack!.Samples)
        select (p, n);

    /// <summary>What alignment and the user's fine-tuning train.</summary>
    [JsonIgnore]
    public LabAdapters Adapters => (Recipe.Alignment!.Lora, Recipe.Attack!.Adapter) switch
    {
        (_, AttackAdapter.None) => LabAdapters.None,
        (null, _) => LabAdapters.Full,
        (_, AttackAdapter.Same) => LabAdapters.Single,
        _ => LabAdapters.Double,
    };

    TrainOptions ILabSubject.Training(LabCell cell) => Training(cell);

    int ILabSubject.Steps(LabCell cell) => cell switch
    {
        { Attack: { } attack } => Training(cell).Steps(attack.Samples + Defenses.Guards(cell.Arm.Defense)),
        { Arm.Method: not null } => Training(cell).Steps(Math.Max(1, Recipe.Alignment!.Data.Count)),
        _ => 0,
    };

    string ILabSubject.Key(LabCell cell)
    {
        var (alignment, attack) = (Recipe.Alignment!, Recipe.Attack!);
        var bare = new Recipe { Name = "", Model = "" };
        return cell switch
        {
            { Attack: not null } => RecipeReader.Write(bare with { Attack = attack with { HarmfulRatio = 0, Samples = 1, Defense = null } }),
            { Arm.Method: not null } => RecipeReader.Write(bare with { Alignment = alignment with { Method = new() } }),
            _ => string.Join('\n', (string[])
            [
                RecipeReader.Write(Recipe with
                {
                    Name = "",
                    Seed = 0,
                    Lab = null,
                    Alignment = new() { Data = alignment.Data },
                    Attack = null,
                }),
                .. Files.Select(file => $"{file.Name} {file.Sha256}"),
            ]),
        };
    }

    IReadOnlyList<LabData> ILabSubject.Manifest(ulong seed)
    {
        var data = new ExperimentData(Recipe with { Seed = seed }, Folder, Tokenizer(Recipe, Folder));
        return
        [
            Data(seed, "alignment", data.AlignmentRows), Data(seed, "harmful test", data.HarmfulTest),
            .. data.TaskTest.IsEmpty ? [] : (LabData[])[Data(seed, "task test", data.TaskTest)],
        ];
    }

    /// <summary>The recipe with which <c>vaccine run</c> computes a cell.</summary>
    public Recipe Of(LabCell cell) => Recipe with
    {
        Seed = cell.Seed,
        Lab = null,
        Alignment = Recipe.Alignment! with { Method = cell.Arm.Method ?? new() },
        Attack = cell.Attack is { } attack
            ? Recipe.Attack! with { HarmfulRatio = attack.HarmfulRatio, Samples = attack.Samples, Defense = cell.Arm.Defense }
            : Recipe.Attack,
    };

    ILabMaterial ILabSubject.Open(LabCell cell, Device device) => new RecipeMaterial(this, cell, device);

    private TrainOptions Training(LabCell cell) =>
        (cell.Attack is null ? Recipe.Alignment!.Training : Recipe.Attack!.Training).Options(seed: 0);

    /// <summary>The tokenizer of a recipe's model.</summary>
    internal static ITextTokenizer Tokenizer(Recipe recipe, string folder) =>
        TextTokenizer.Load(Path.GetFullPath(Path.Combine(folder, recipe.Model)));

    private static LabData Data(ulong seed, string stage, IEnumerable<Example> rows) =>
        LabData.Of(seed, stage, [.. rows.Select(row => $"{row.Instruction}\n{row.Input}\n{row.Output}\n")]);

    private static IEnumerable<LabFile> Hashed(string folder)
    {
        foreach (string path in Directory.GetFiles(folder, "*").Order(StringComparer.Ordinal))
        {
            using var file = File.OpenRead(path);
            yield return new($"{Path.GetFileName(folder)}/{Path.GetFileName(path)}", Convert.ToHexStringLower(SHA256.HashData(file)));
        }
    }
}

/// <summary>A file by what it is called and what is in it.</summary>
public sealed record LabFile(string Name, string Sha256);
