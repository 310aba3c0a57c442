using System.Text.Json.Nodes;

namespace VaccineRef.Experiments.Recipes;

/// <summary>
/// Reads recipes of the program's first form, which had one stage called "alignment", one called "attack", and a grid
/// called "lab", by rewriting them in today's form. Numbers stay the same: the stages keep their names, and with them
/// their random streams.
/// </summary>
internal static class FormerRecipe
{
    private const string Alignment = "alignment", Attack = "attack", Kind = "kind";

    // The training of an attack had defaults of its own: those of the paper's fine-tuning.
    private static readonly (string Key, JsonNode Value)[] AttackTraining = [("epochs", 20), ("learning_rate", 1e-5)];

    /// <summary>Whether a document has that form.</summary>
    public static bool Is(JsonObject json) =>
        !json.ContainsKey("stages")
            && (json.ContainsKey(Alignment) || json.ContainsKey(Attack) || json["model"] is JsonValue);

    /// <summary>
    /// The same recipe in today's form. Keys that are not known stay, so that they are refused by name.
    /// </summary>
    public static JsonObject Translate(JsonObject former)
    {
        var recipe = (JsonObject)former.DeepClone();
        var model = new JsonObject { [Kind] = "folder", ["path"] = Take(recipe, "model") };
        Move(recipe, "adapter", model);
        Move(recipe, "weights", model);
        var alignment = Part(recipe, Alignment);
        var attack = Part(recipe, Attack);
        var stages = new JsonArray();
        if (alignment is not null)
            stages.Add(OfAlignment((JsonObject)alignment.DeepClone()));
        if (attack is not null)
            stages.Add(OfAttack((JsonObject)attack.DeepClone(), alignment is null));
        var evaluation = Evaluation(Part(recipe, "evaluation") ?? []);
        if (Part(recipe, "lab") is { } lab)
            Lab(recipe, lab, alignment?["method"] as JsonObject, evaluation);
        recipe["model"] = model;
        recipe["stages"] = stages;
        recipe["evaluation"] = evaluation;
        return recipe;
    }

    private static JsonObject OfAlignment(JsonObject stage)
    {
        Add(stage, "name", Alignment, Alignment);
        if (Part(stage, "method", Alignment) is { } method)
            Add(stage, "rule", Rule(method), Alignment);
        if (Part(stage, "lora", Alignment) is { } lora)
            Add(stage, "adapter", Lora(lora, Alignment), Alignment);
        return stage;
    }

    private static JsonObject OfAttack(JsonObject stage, bool alone)
    {
        Add(stage, "name", Attack, Attack);
        var data = new JsonObject { [Kind] = "mixture" };
        foreach (string key in (string[])["harmful", "benign", "harmful_ratio", "samples", "sampling"])
            Move(stage, key, data);
        Add(stage, "data", data, Attack);
        string adapter = Take(stage, "adapter")?.ToString() ?? "fresh";
        var lora = Part(stage, "lora", Attack) ?? [];
        if (lora.Count > 0 && adapter != "fresh")
            throw new RecipeException(
                "the settings of a fresh adapter are given, and there is none", $"$.{Attack}.lora",
                $"adapter {adapter}",
                "adapter fresh",
                adapter == "same"
                    ? "remove them: the adapter of the alignment is trained on with its own rank and alpha"
                    : "remove them, or set the adapter to fresh");
        stage["adapter"] = adapter switch
        {
            "none" => null,
            "fresh" => Lora(lora, Attack),
            _ => new JsonObject { [Kind] = adapter },
        };
        if (Part(stage, "defense", Attack) is { } defense)
            Defend(stage, defense, alone);
        var training = Part(stage, "training", Attack) ?? [];
        foreach (var (key, value) in AttackTraining)
            training.TryAdd(key, value.DeepClone());
        stage["training"] = training;
        return stage;
    }

    /// <summary>VLGuard mixes rows in; EWC and KL are objectives.</summary>
    private static void Defend(JsonObject stage, JsonObject defense, bool alone)
    {
        if (defense[Kind]?.ToString() == "vlguard" && !alone)
        {
            defense.Remove(Kind);
            defense["from"] = Alignment;
            stage["mixed_in"] = defense;
        }
        else
        {
            stage["objective"] = defense;
        }
    }

    private static JsonObject Evaluation(JsonObject evaluation)
    {
        Add(evaluation, Kind, "held_out", "evaluation");
        if (Take(evaluation, "judge") is { } judge)
        {
            var named = new JsonObject { [Kind] = judge };
            Move(evaluation, "judge_model", named, "path");
            Move(evaluation, "threshold", named);
            Move(evaluation, "world_seed", named);
            evaluation["judge"] = named;
        }

        return evaluation;
    }

    private static void Lab(JsonObject recipe, JsonObject lab, JsonObject? method, JsonObject evaluation)
    {
        var rules = Take(lab, "methods") is JsonArray { Count: > 0 } methods
            ? methods.OfType<JsonObject>().ToArray()
            : [new JsonObject { ["rule"] = "plain" }, method ?? []];
        var conditions = new JsonObject();
        foreach (var rule in rules.Select(each => Rule((JsonObject)each.DeepClone())))
            conditions[RecipeFormat.Standard.Part<Training.RuleOptions>(rule)?.Label() ?? rule.ToJsonString()] =
                new JsonObject { [$"{Alignment}.rule"] = rule };
        foreach (var defense in (Take(lab, "defenses") as JsonArray ?? []).OfType<JsonObject>())
        {
            var stage = new JsonObject();
            Defend(stage, (JsonObject)defense.DeepClone(), alone: false);
            var (key, value) = stage.First();
            conditions[$"SFT + {string.Join(' ', defense.Select(each => $"{each.Value}"))}"] =
                new JsonObject { [$"{Alignment}.rule"] = new JsonObject { [Kind] = "plain" }, [$"{Attack}.{key}"] = value!.DeepClone() };
        }

        var grid = new JsonObject { ["method"] = conditions };
        Move(lab, "harmful_ratios", grid, $"{Attack}.data.harmful_ratio");
        Move(lab, "samples", grid, $"{Attack}.data.samples");
        recipe["grid"] = grid;
        var convergence = new JsonObject { ["least_refused"] = Take(lab, "least_refused") ?? 95 };
        if (Take(lab, "most_loss") is { } most)
            (convergence["most_loss"], convergence["most_adapter_loss"]) = (most.DeepClone(), most);
        recipe["report"] = new JsonObject
        {
            ["control"] = "SFT",
            ["convergence"] = convergence,
        };
        evaluation["curve_points"] = Take(lab, "curve_points") ?? 4;
        foreach (var (key, value) in lab)
            recipe[key] = value?.DeepClone();
    }

    private static JsonObject Rule(JsonObject method)
    {
        var named = new JsonObject { [Kind] = Take(method, "rule") ?? "plain" };
        foreach (var (key, value) in method)
            Add(named, key, value?.DeepClone(), "method");
        return named;
    }

    private static JsonObject Lora(JsonObject lora, string path)
    {
        Add(lora, Kind, "lora", $"{path}.lora");
        return lora;
    }

    /// <summary>Takes a part of the recipe away; null if it is not there.</summary>
    /// <exception cref="RecipeException">It is something else than an object.</exception>
    private static JsonObject? Part(JsonObject from, string key, string? path = null) => Take(from, key) switch
    {
        null => null,
        JsonObject part => part,
        var other => throw new RecipeException(
            "a part of the recipe is no object", path is null ? $"$.{key}" : $"$.{path}.{key}",
            $"{other.GetValueKind()}", "an object, { ... }"),
    };

    /// <summary>Adds what only the present form of a recipe has.</summary>
    /// <exception cref="RecipeException">
    /// It stands there already: the recipe is neither of one form nor of the other.
    /// </exception>
    private static void Add(JsonObject to, string key, JsonNode? value, string path)
    {
        if (to.ContainsKey(key))
            throw new RecipeException(
                "a recipe of the first form has a key of the present one", $"$.{path}.{key}",
                remedy: "remove the key, or write the recipe anew with stages, as docs/recipes.md shows them");
        // what says which kind of part it is comes first
        to.Insert(key == Kind ? 0 : to.Count, key, value);
    }

    private static JsonNode? Take(JsonObject from, string key)
    {
        from.Remove(key, out var value);
        return value;
    }

    private static void Move(JsonObject from, string key, JsonObject to, string? name = null)
    {
        if (from.Remove(key, out var value))
            to[name ?? key] = value;
    }
}
