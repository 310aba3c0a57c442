using VaccineRef.Experiments.Data;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Recipes;

/// <summary>
/// What the values of a recipe have to satisfy beyond their types. Everything that can be known without a file is known here, so
/// that no run ends after its alignment because its attack was misspelt.
/// </summary>
internal static class RecipeLimits
{
    private static readonly string[] Accuracies = ["sst2", "ag_news", "gsm8k"];

    /// <exception cref="Core.InputException">A value is out of its range, or two do not go together.</exception>
    public static void Require(Recipe recipe)
    {
        Check(recipe.Name is not ("" or "." or "..") && !recipe.Name.Contains('/') && !recipe.Name.Contains('\\'),
            "$.name", recipe.Name, "a name for a folder, without separators");
        Check(recipe.MaxLength >= 2, "$.max_length", recipe.MaxLength, "at least 2");
        OneOf("$.template", recipe.Template, PromptTemplate.All.Select(template => template.Id));
        if (recipe.Alignment is { } alignment)
        {
            Data("$.alignment.data", alignment.Data);
            Methods.Require(alignment.Method);
            Lora("$.alignment.lora", alignment.Lora);
            alignment.Training.Options(seed: 0).Validate("$.alignment.training.");
        }

        if (recipe.Weights == WeightPrecision.Bf16 && (recipe.Alignment is { Lora: null } || recipe.Attack?.Adapter == AttackAdapter.None))
            throw new RecipeException(
                "weights kept in bfloat16 cannot be trained", "$.weights", "bf16, and a stage that trains every weight",
                "full, or a lora in every stage");
        if (recipe.Attack is { } attack)
            Attack(attack, recipe.Alignment?.Lora);
        if (recipe.Attack?.Defense is { } defense)
            Defense(defense, recipe.Alignment);
        Evaluation(recipe.Evaluation);
        if (recipe.Lab is { } lab)
            Lab(lab);
    }

    private static void Lab(LabStage lab)
    {
        const string Path = "$.lab";
        foreach (var (i, method) in lab.Methods.Index())
            Methods.Require(method, $"{Path}.methods[{i}]");
        foreach (var (i, defense) in lab.Defenses.Index())
            Defenses.Require(defense, $"{Path}.defenses[{i}]");
        foreach (decimal p in lab.HarmfulRatios)
            Check(p is >= 0 and <= 1, $"{Path}.harmful_ratios", p, "between 0 and 1");
        foreach (int n in lab.Samples)
            Check(n >= 1, $"{Path}.samples", n, "at least 1");
        Check(lab.MostLoss is not <= 0, $"{Path}.most_loss", lab.MostLoss ?? 0, "above 0");
        Check(lab.LeastRefused is >= 0 and <= 100, $"{Path}.least_refused", lab.LeastRefused, "from 0 to 100");
        Check(lab.CurvePoints >= 1, $"{Path}.curve_points", lab.CurvePoints, "at least 1");
    }

    private static void Attack(AttackStage attack, LoraChoice? alignment)
    {
        const string Path = "$.attack";
        Data($"{Path}.harmful", attack.Harmful);
        Data($"{Path}.benign", attack.Benign);
        Check(attack.HarmfulRatio is >= 0 and <= 1, $"{Path}.harmful_ratio", attack.HarmfulRatio, "between 0 and 1");
        Check(attack.Samples >= 1, $"{Path}.samples", attack.Samples, "at least 1");
        Lora($"{Path}.lora", attack.Lora);
        attack.Training.Options(seed: 0).Validate($"{Path}.training.");
        if (attack.Adapter == AttackAdapter.Same && alignment is null)
            throw new RecipeException(
                "there is no adapter to train on", $"{Path}.adapter", "same", "an alignment with lora", "adapter fresh or none");
    }

    private static void Defense(DefenseChoice defense, AlignmentStage? alignment)
    {
        const string Path = "$.attack.defense";
        Defenses.Require(defense, Path);
        if (alignment is null && Defenses.NeedsAlignment(defense))
            throw new RecipeException(
                $"the defense {defense.Kind} uses the alignment data", Path, "a recipe without alignment", "an alignment stage",
                "add one, or remove the defense");
    }

    private static void Evaluation(EvaluationStage evaluation)
    {
        const string Path = "$.evaluation";
        Data($"{Path}.harmful", evaluation.Harmful);
        Data($"{Path}.task", evaluation.Task);
        if (evaluation.Task is { } task)
            OneOf($"{Path}.task.task", task.Task ?? "none", Accuracies);
        Judges.Require(evaluation, name => $"{Path}.{name}");
        if (evaluation.Harmful is null && evaluation.Judge != Judges.Default)
            throw new RecipeException(
                "there is nothing to judge", $"{Path}.judge", evaluation.Judge,
                $"harmful instructions in {Path}.harmful", "remove the judge");
        Check(evaluation.HarmfulTokens >= 1, $"{Path}.harmful_tokens", evaluation.HarmfulTokens, "at least 1");
        Check(evaluation.TaskTokens >= 1, $"{Path}.task_tokens", evaluation.TaskTokens, "at least 1");
        Check(evaluation.Temperature >= 0, $"{Path}.temperature", evaluation.Temperature, "0 for greedy decoding, or more");
        Check(evaluation.TopK >= 0, $"{Path}.top_k", evaluation.TopK, "0 for all, or how many");
        Check(evaluation.TopP is > 0 and <= 1, $"{Path}.top_p", evaluation.TopP, "above 0, up to 1 for all");
        Check(evaluation.ProbeCount >= 0, $"{Path}.probe_count", evaluation.ProbeCount, "0 for all, or how many");
    }

    private static void Data(string path, DataChoice? choice)
    {
        if (choice is null)
            return;
        Check(choice.Count >= 0, $"{path}.count", choice.Count, "0 for all, or how many");
        if ((choice.Task is null) == (choice.Fields is null))
            throw new RecipeException(
                "a data choice names its fields in one way", path, choice.Task is null ? "neither" : "both",
                "either \"task\" or \"fields\"");
        if (choice.Task is { } task)
            OneOf($"{path}.task", task, TaskPreset.All.Select(preset => preset.Id));
    }

    private static void Lora(string path, LoraChoice? lora)
    {
        if (lora is null)
            return;
        Check(lora.Rank >= 1, $"{path}.rank", lora.Rank, "at least 1");
        Check(double.IsFinite(lora.Alpha), $"{path}.alpha", lora.Alpha, "a finite number");
        Check(lora.Dropout is >= 0 and < 1, $"{path}.dropout", lora.Dropout, "from 0 to below 1");
    }

    private static void OneOf(string path, string found, IEnumerable<string> known)
    {
        string[] all = [.. known];
        if (!all.Contains(found))
            throw new RecipeException("unknown name", path, found, string.Join(", ", all), RecipeReader.DidYouMean(found, all));
    }

    private static void Check(bool holds, string path, object found, string expected)
    {
        if (!holds)
            throw new RecipeException(
                "a value is out of its range", path, Convert.ToString(found, System.Globalization.CultureInfo.InvariantCulture), expected);
    }
}
