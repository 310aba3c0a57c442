using System.Text.Json;
using System.Text.Json.Nodes;

namespace VaccineRef.Models;

/// <summary>Reads and writes <see cref="AdapterConfig"/> as peft does.</summary>
internal static class AdapterConfigFile
{
    private static readonly string[] Understood =
    [
        "r", "lora_alpha", "lora_dropout", "target_modules", "layers_to_transform", "layers_pattern", "exclude_modules",
        "rank_pattern", "alpha_pattern", "modules_to_save", "use_rslora", "fan_in_fan_out", "inference_mode",
        "base_model_name_or_path", "peft_type", "task_type", "bias", "init_lora_weights",
    ];

    // These say where the adapter came from, how it began, or steer a feature whose own switch is checked.
    private static readonly string[] Irrelevant =
    [
        "auto_mapping", "revision", "peft_version", "megatron_config", "megatron_core", "qalora_group_size",
        "eva_config", "corda_config", "loftq_config", "lora_ga_config", "runtime_config",
    ];

    // How A and B began, where that left the base model as it was.
    private static readonly string[] Starts = ["gaussian", "eva", "orthogonal"];

    /// <inheritdoc cref="AdapterConfig.Read"/>
    public static AdapterConfig Read(string folder)
    {
        var file = ConfigReader.OpenFile(Path.Combine(folder, AdapterConfig.FileName));
        foreach (var key in file.Keys.Except(Understood).Except(Irrelevant))
            file.RequireEmpty(key);
        Require(file, "peft_type", file.String("peft_type"), "LORA");
        Require(file, "task_type", file.String("task_type", "CAUSAL_LM"), "CAUSAL_LM");
        string bias = file.String("bias", "none");
        RequireRange(file, "bias", bias is "none" or "lora_only" or "all", bias, "none, lora_only or all");
        RequirePlainStart(file);
        var config = new AdapterConfig(
            file.Int("r"), file.Double("lora_alpha"), Modules(file, "target_modules") ?? throw NoTargets(file))
        {
            Dropout = file.Double("lora_dropout", 0),
            UseRsLora = file.Bool("use_rslora", false),
            FanInFanOut = file.Bool("fan_in_fan_out", false),
            InferenceMode = file.Bool("inference_mode", false),
            Layers = file.Ints("layers_to_transform"),
            LayersPattern = file.Strings("layers_pattern").RemoveAll(static pattern => pattern.Length == 0),
            Excluded = Modules(file, "exclude_modules"),
            RankPattern = Patterns(file, "rank_pattern", static (section, key) => section.Int(key)),
            AlphaPattern = Patterns(file, "alpha_pattern", static (section, key) => section.Double(key)),
            ModulesToSave = file.Strings("modules_to_save"),
            Bias = bias,
            BaseModel = file.Has("base_model_name_or_path") ? file.String("base_model_name_or_path") : null,
        };
        Check(file, config);
        return config;
    }

    /// <inheritdoc cref="AdapterConfig.Write"/>
    public static void Write(AdapterConfig config, string folder)
    {
        var json = new JsonObject
        {
            ["auto_mapping"] = null,
            ["base_model_name_or_path"] = config.BaseModel,
            ["bias"] = config.Bias,
            ["fan_in_fan_out"] = config.FanInFanOut,
            ["inference_mode"] = config.InferenceMode,
            ["init_lora_weights"] = true,
            ["layers_pattern"] = Names(config.LayersPattern),
            ["layers_to_transform"] =
                config.Layers.IsEmpty ? null : new JsonArray([.. config.Layers.Select(layer => (JsonNode)layer)]),
            ["lora_alpha"] = config.Alpha,
            ["lora_dropout"] = config.Dropout,
            ["modules_to_save"] = Names(config.ModulesToSave),
            ["peft_type"] = "LORA",
            ["r"] = config.Rank,
            ["revision"] = null,
            ["target_modules"] = Modules(config.Targets),
            ["task_type"] = "CAUSAL_LM",
        };
        // Older versions of peft do not know these keys, and could not do what they say.
        if (config.UseRsLora)
            json["use_rslora"] = true;
        if (config.Excluded is { } excluded)
            json["exclude_modules"] = Modules(excluded);
        if (!config.RankPattern.IsEmpty)
            json["rank_pattern"] = Numbers(config.RankPattern, value => (int)value);
        if (!config.AlphaPattern.IsEmpty)
            json["alpha_pattern"] = Numbers(config.AlphaPattern, value => value);
        AtomicFile.WriteJson(Path.Combine(folder, AdapterConfig.FileName), json);
    }

    private static JsonArray? Names(IReadOnlyCollection<string> names) =>
        names.Count == 0 ? null : new JsonArray([.. names.Select(name => (JsonNode)name)]);

    private static JsonNode Modules(TargetModules modules) =>
        modules.Pattern ?? (JsonNode)new JsonArray([.. modules.Names.Select(name => (JsonNode)name)]);

    private static JsonObject Numbers(ModulePatterns patterns, Func<double, JsonNode> number) => new(
        patterns.Entries.Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)number(entry.Value))));

    private static void Check(ConfigReader file, AdapterConfig config)
    {
        RequireRange(file, "r", config.Rank >= 1, $"{config.Rank}", "1 or more");
        RequireRange(
            file, "rank_pattern", config.RankPattern.Entries.All(entry => entry.Value >= 1), "a rank below 1",
            "1 or more");
        RequireRange(file, "lora_dropout", config.Dropout is >= 0 and < 1, $"{config.Dropout:R}", "from 0 to below 1");
        RequireRange(
            file, "layers_to_transform", config.Layers.IsEmpty || config.Targets.Pattern is null, "a list",
            "null, because target_modules is an expression");
        Expression(file, "layers_pattern", () => config.Layers.IsEmpty || config.Adapts("model.layers.0.q_proj"));
    }

    /// <summary>A list of modules or an expression for them; null where nothing is said.</summary>
    private static TargetModules? Modules(ConfigReader file, string key)
    {
        if (file.Kind(key) == JsonValueKind.String && file.String(key).Length > 0)
            return Expression(file, key, () => TargetModules.Matching(file.String(key)));
        var names = file.Strings(key).Where(name => name.Length > 0).ToArray();
        return names.Length == 0 ? null : TargetModules.Named([.. names]);
    }

    private static ModulePatterns Patterns(ConfigReader file, string key, Func<ConfigReader, string, double> number) =>
        file.Section(key) is { } section
            ? Expression(file, key, () => ModulePatterns.Of(
                section.Keys.Select(name => KeyValuePair.Create(name, number(section, name)))))
            : ModulePatterns.None;

    private static T Expression<T>(ConfigReader file, string key, Func<T> use)
    {
        try
        {
            return use();
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException)
        {
            throw new CheckpointException(
                "the expression cannot be used", file.File, key, error.Message,
                "names of modules, or a regular expression without look-around", inner: error);
        }
    }

    private static CheckpointException NoTargets(ConfigReader file) => new(
        "the adapter names no modules", file.File, "target_modules", "nothing",
        "a list of module names, a regular expression without look-around, or \"all-linear\"");

    // Starts such as pissa or olora subtract from the base weights: the stored A and B mean nothing without that.
    private static void RequirePlainStart(ConfigReader file)
    {
        const string Key = "init_lora_weights";
        if (file.Kind(Key) is JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null)
            return;
        string start = file.String(Key);
        if (!Starts.Contains(start))
            throw new CheckpointException(
                "the adapter began by changing the base model's weights", file.File, Key, start,
                $"true, false, or one of {string.Join(", ", Starts)}",
                "save it with peft's path_initial_model_for_weight_conversion, which makes it a plain LoRA");
    }

    private static void Require(ConfigReader file, string key, string found, string expected) =>
        RequireRange(file, key, found == expected, found, expected);

    private static void RequireRange(ConfigReader file, string key, bool holds, string found, string expected)
    {
        if (!holds)
            throw new CheckpointException(
                "the adapter is not a LoRA that can be read", file.File, key, found, expected);
    }
}
