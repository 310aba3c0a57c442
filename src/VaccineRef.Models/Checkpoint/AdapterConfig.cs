using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace VaccineRef.Models;

/// <summary>
/// PEFT's <c>adapter_config.json</c> for LoRA, y = W x + scaling B A x. Files of peft 0.5.0 and later are read; those
/// that ask for more than plain LoRA (DoRA, trained biases, saved modules, rank patterns, ...) are refused by the name
/// of the setting. The file written has only keys that peft 0.5.0 knows, so that it and every later version load it.
/// </summary>
/// <param name="Rank">r, the rank of B A.</param>
/// <param name="Alpha">lora_alpha.</param>
/// <param name="Targets">target_modules.</param>
public sealed record AdapterConfig(int Rank, double Alpha, TargetModules Targets)
{
    /// <summary>The name of the file in an adapter folder.</summary>
    public const string FileName = "adapter_config.json";

    private static readonly string[] Understood =
    [
        "r", "lora_alpha", "lora_dropout", "target_modules", "layers_to_transform", "use_rslora", "fan_in_fan_out",
        "inference_mode", "base_model_name_or_path", "peft_type", "task_type", "bias", "init_lora_weights",
    ];

    // These say where the adapter came from, or steer a feature whose own switch is checked.
    private static readonly string[] Irrelevant =
        ["auto_mapping", "revision", "peft_version", "megatron_core", "qalora_group_size"];

    /// <summary>lora_dropout, the rate at which inputs of A are dropped in training.</summary>
    public double Dropout { get; init; }

    /// <summary>use_rslora: scale by alpha / sqrt(r) instead of alpha / r (arXiv 2312.03732).</summary>
    public bool UseRsLora { get; init; }

    /// <summary>fan_in_fan_out: the base weights are stored [in, out], as GPT-2's are.</summary>
    public bool FanInFanOut { get; init; }

    /// <summary>inference_mode, as peft sets it when it saves.</summary>
    public bool InferenceMode { get; init; } = true;

    /// <summary>layers_to_transform; empty for all layers.</summary>
    public ImmutableArray<int> Layers { get; init; } = [];

    /// <summary>base_model_name_or_path.</summary>
    public string? BaseModel { get; init; }

    /// <summary>What B A is multiplied with.</summary>
    public double Scaling => Alpha / (UseRsLora ? Math.Sqrt(Rank) : Rank);

    /// <summary>Whether the linear module of this path carries an adapter.</summary>
    /// <remarks>With <see cref="Layers"/> set, a module outside the numbered layers carries none, as in peft.</remarks>
    public bool Adapts(string module) =>
        Targets.Match(module) && (Layers.IsEmpty || (LayerNumber(module) is { } layer && Layers.Contains(layer)));

    /// <summary>Reads <c>adapter_config.json</c> of an adapter folder.</summary>
    /// <exception cref="CheckpointException">The file is missing or malformed, or no plain LoRA.</exception>
    public static AdapterConfig Read(string folder)
    {
        var file = ConfigReader.OpenFile(Path.Combine(folder, FileName));
        foreach (var key in file.Keys.Except(Understood).Except(Irrelevant))
            file.RequireEmpty(key);
        Require(file, "peft_type", file.String("peft_type"), "LORA");
        Require(file, "task_type", file.String("task_type", "CAUSAL_LM"), "CAUSAL_LM");
        Require(file, "bias", file.String("bias", "none"), "none");
        RequirePlainStart(file);
        var config = new AdapterConfig(file.Int("r"), file.Double("lora_alpha"), ReadTargets(file))
        {
            Dropout = file.Double("lora_dropout", 0),
            UseRsLora = file.Bool("use_rslora", false),
            FanInFanOut = file.Bool("fan_in_fan_out", false),
            InferenceMode = file.Bool("inference_mode", false),
            Layers = file.Ints("layers_to_transform"),
            BaseModel = file.Has("base_model_name_or_path") ? file.String("base_model_name_or_path") : null,
        };
        RequireRange(file, "r", config.Rank >= 1, $"{config.Rank}", "1 or more");
        RequireRange(file, "lora_dropout", config.Dropout is >= 0 and < 1, $"{config.Dropout:R}", "from 0 to below 1");
        RequireRange(
            file, "layers_to_transform", config.Layers.IsEmpty || config.Targets.Pattern is null, "a list",
            "null, because target_modules is an expression");
        return config;
    }

    /// <summary>Writes <c>adapter_config.json</c>.</summary>
    /// <exception cref="Core.InputException">The file cannot be written.</exception>
    public void Write(string folder)
    {
        var json = new JsonObject
        {
            ["auto_mapping"] = null,
            ["base_model_name_or_path"] = BaseModel,
            ["bias"] = "none",
            ["fan_in_fan_out"] = FanInFanOut,
            ["inference_mode"] = InferenceMode,
            ["init_lora_weights"] = true,
            ["layers_pattern"] = null,
            ["layers_to_transform"] = Layers.IsEmpty ? null : Array(Layers.Select(layer => (JsonNode)layer)),
            ["lora_alpha"] = Alpha,
            ["lora_dropout"] = Dropout,
            ["modules_to_save"] = null,
            ["peft_type"] = "LORA",
            ["r"] = Rank,
            ["revision"] = null,
            ["target_modules"] = Targets.Pattern ?? (JsonNode)Array(Targets.Names.Select(name => (JsonNode)name)),
            ["task_type"] = "CAUSAL_LM",
        };
        if (UseRsLora)
            json["use_rslora"] = true; // peft before 0.7 does not know the key and could not scale so
        AtomicFile.WriteJson(Path.Combine(folder, FileName), json);
    }

    private static JsonArray Array(IEnumerable<JsonNode> items) => [.. items];

    // peft takes the last number that has two names before it and one behind: model.layers.3.mlp, transformer.h.3.attn.
    private static int? LayerNumber(string module)
    {
        var digits = module.Split('.').Skip(2).SkipLast(1).LastOrDefault(part => part.All(char.IsAsciiDigit));
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    private static TargetModules ReadTargets(ConfigReader file)
    {
        const string Key = "target_modules";
        const string Expected = "a list of module names, a regular expression without look-around, or \"all-linear\"";
        if (file.Kind(Key) != JsonValueKind.String)
        {
            var names = file.Strings(Key);
            RequireRange(file, Key, !names.IsEmpty, "nothing", Expected);
            return TargetModules.Named(names);
        }

        try
        {
            return TargetModules.Matching(file.String(Key));
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException)
        {
            throw new CheckpointException(
                "the expression cannot be used", file.File, Key, error.Message, Expected, inner: error);
        }
    }

    // Starts such as pissa or olora subtract from the base weights: the stored A and B mean nothing without that.
    private static void RequirePlainStart(ConfigReader file)
    {
        const string Key = "init_lora_weights";
        if (file.Kind(Key) is not (JsonValueKind.True or JsonValueKind.False))
            Require(file, Key, file.String(Key, "gaussian"), "gaussian");
    }

    private static void Require(ConfigReader file, string key, string found, string expected) =>
        RequireRange(file, key, found == expected, found, expected);

    private static void RequireRange(ConfigReader file, string key, bool holds, string found, string expected)
    {
        if (!holds)
            throw new CheckpointException("the adapter is not a plain LoRA", file.File, key, found, expected);
    }
}
