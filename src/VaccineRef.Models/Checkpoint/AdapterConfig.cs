using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;

namespace VaccineRef.Models;

/// <summary>
/// PEFT's <c>adapter_config.json</c> for LoRA, y = W x + scaling B A x. Files of peft 0.5.0 and later are read; those
/// that ask for more than LoRA (DoRA, a bias on B, replicated layers, ...) are refused by the name of the setting. The
/// file written has only keys that peft 0.5.0 knows, and those whose settings it uses, so that every version that can
/// load it does.
/// </summary>
/// <param name="Rank">r, the rank of B A where no pattern says otherwise.</param>
/// <param name="Alpha">lora_alpha, where no pattern says otherwise.</param>
/// <param name="Targets">target_modules.</param>
public sealed record AdapterConfig(int Rank, double Alpha, TargetModules Targets)
{
    /// <summary>The name of the file in an adapter folder.</summary>
    public const string FileName = "adapter_config.json";

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

    /// <summary>layers_pattern: expressions for the name in front of a layer's number; empty for any name.</summary>
    public ImmutableArray<string> LayersPattern { get; init; } = [];

    /// <summary>exclude_modules: modules that carry no adapter although they are targets; null for none.</summary>
    public TargetModules? Excluded { get; init; }

    /// <summary>rank_pattern.</summary>
    public ModulePatterns RankPattern { get; init; } = ModulePatterns.None;

    /// <summary>alpha_pattern.</summary>
    public ModulePatterns AlphaPattern { get; init; } = ModulePatterns.None;

    /// <summary>modules_to_save: modules that are saved whole, in the place of the base model's.</summary>
    public ImmutableArray<string> ModulesToSave { get; init; } = [];

    /// <summary>bias: none, or which biases were trained and are saved: lora_only, all.</summary>
    public string Bias { get; init; } = "none";

    /// <summary>base_model_name_or_path.</summary>
    public string? BaseModel { get; init; }

    /// <summary>What B A is multiplied with, where no pattern says otherwise.</summary>
    public double Scaling => Alpha / (UseRsLora ? Math.Sqrt(Rank) : Rank);

    /// <summary>The same with the rank and alpha that the patterns give a module.</summary>
    public AdapterConfig For(string module) =>
        this with { Rank = (int)RankPattern.Of(module, Rank), Alpha = AlphaPattern.Of(module, Alpha) };

    /// <summary>Whether the module of this path carries an adapter.</summary>
    /// <remarks>
    /// Source: peft, <c>tuners/tuners_utils.py</c>, <c>check_target_module_exists</c>. With <see cref="Layers"/> set, a
    /// module outside the numbered layers carries none, unless it is named by its whole path.
    /// </remarks>
    public bool Adapts(string module)
    {
        if (Excluded?.Match(module) == true || Saves(module) || !Targets.Match(module))
            return false;
        return Layers.IsEmpty || Targets.Names.Contains(module)
            || (LayerNumber(module) is { } layer && Layers.Contains(layer));
    }

    /// <summary>Whether the module of this path, or one around it, is saved whole.</summary>
    public bool Saves(string module) =>
        ModulesToSave.Any(saved => $".{module}.".Contains($".{saved}.", StringComparison.Ordinal));

    /// <summary>Reads <c>adapter_config.json</c> of an adapter folder.</summary>
    /// <exception cref="CheckpointException">The file is missing or malformed, or asks for more than LoRA.</exception>
    public static AdapterConfig Read(string folder) => AdapterConfigFile.Read(folder);

    /// <summary>Writes <c>adapter_config.json</c>.</summary>
    /// <exception cref="Core.InputException">The file cannot be written.</exception>
    public void Write(string folder) => AdapterConfigFile.Write(this, folder);

    // peft takes the last number that has two names before it and one behind: model.layers.3.mlp, transformer.h.3.attn;
    // or, with a pattern, one that stands behind the pattern's name.
    private int? LayerNumber(string module)
    {
        string[] parts = module.Split('.');
        string? digits = LayersPattern.IsEmpty
            ? parts.Skip(2).SkipLast(1).LastOrDefault(part => part.All(char.IsAsciiDigit))
            : LayersPattern.Select(pattern => Behind(pattern, module)).FirstOrDefault(found => found is not null);
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;
    }

    private static string? Behind(string pattern, string module)
    {
        var match = Regex.Match(
            module, $@"\A.*\.(?:{pattern})\.([0-9]+)\.", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        return match.Success ? match.Groups[^1].Value : null;
    }
}
