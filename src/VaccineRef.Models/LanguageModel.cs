using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>Makes models from their Hugging Face configuration.</summary>
public static class LanguageModel
{
    private const string TypeKey = "model_type", ClassKey = "architectures";

    // model_type, the class in architectures, and the prefix of its base class.
    private static readonly (string Name, string Class, string Prefix)[] Families =
    [
        ("llama", "LlamaForCausalLM", "model."),
        ("mistral", "MistralForCausalLM", "model."),
        ("qwen2", "Qwen2ForCausalLM", "model."),
        ("opt", "OPTForCausalLM", "model."),
        ("gpt2", "GPT2LMHeadModel", "transformer."),
    ];

    /// <summary>Loads a model folder in Hugging Face layout.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="matrices">How the weights of linear layers are kept.</param>
    /// <param name="stripPrefix">
    /// What a wrapper put in front of every tensor's name, such as "module." or "_orig_mod.": it is dropped. The error
    /// about a checkpoint with such names says what it is.
    /// </param>
    /// <exception cref="CheckpointException">
    /// The family or a setting is not implemented, or weights are missing, left over, damaged or of another shape.
    /// </exception>
    public static Model<T> Load<T>(
        string folder, Device device, WeightPrecision matrices = WeightPrecision.Full, string? stripPrefix = null)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var config = ConfigReader.Open(folder);
        var family = Family(config);
        using var checkpoint = Checkpoint.Open(folder);
        LayerCount.Check(config, family.Name, checkpoint);
        var source = new CheckpointSource<T>(checkpoint, device, family.Prefix, stripPrefix);
        return Build(family.Name, config, device, source, matrices, folder);
    }

    /// <summary>
    /// Makes a model with random weights by Hugging Face's rules: normal with the configuration's deviation, biases 0,
    /// norms 1.
    /// </summary>
    /// <param name="config">The configuration; <see cref="ConfigReader.Parse"/> takes it from memory.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="random">Where the weights come from, each by its name.</param>
    /// <param name="matrices">How the weights of linear layers are kept.</param>
    /// <exception cref="CheckpointException">The family or a setting is not implemented.</exception>
    public static Model<T> Create<T>(
        ConfigReader config, Device device, RandomStream random, WeightPrecision matrices = WeightPrecision.Full)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        Build(Family(config).Name, config, device, new RandomSource<T>(device, random), matrices, null);

    /// <summary>The extents of the model in a folder, from its configuration alone.</summary>
    /// <exception cref="CheckpointException">The family or a setting is not implemented.</exception>
    public static ModelShape ShapeOf(string folder) => ShapeOf(ConfigReader.Open(folder));

    /// <summary>The extents of the model of a configuration.</summary>
    /// <exception cref="CheckpointException">The family or a setting is not implemented.</exception>
    public static ModelShape ShapeOf(ConfigReader config)
    {
        string family = Family(config).Name;
        return family switch
        {
            "opt" => OptConfig.Read(config).Shape,
            "gpt2" => Gpt2Config.Read(config).Shape,
            _ => LlamaConfig.Read(config, family).Shape,
        };
    }

    internal static Model<T> Build<T>(
        string family, ConfigReader config, Device device, IWeightSource<T> source, WeightPrecision matrices,
        string? folder)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        config.RequirePlainDecoder();
        var store = new WeightStore<T>(device, source, matrices);
        try
        {
            var weights = new Weights<T>(store);
            ILanguageModel<T> network = family switch
            {
                "opt" => new Opt<T>(OptConfig.Read(config), weights),
                "gpt2" => new Gpt2<T>(Gpt2Config.Read(config), weights),
                _ => new Llama<T>(LlamaConfig.Read(config, family), weights),
            };
            store.Finish();
            return new(network, store, config, device, folder);
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    // Either key names the family; where both are there they have to agree.
    internal static (string Name, string Class, string Prefix) Family(ConfigReader config)
    {
        var classes = config.Strings(ClassKey);
        string? type = config.Has(TypeKey) ? config.String(TypeKey) : null;
        if (type is null && classes.IsEmpty)
            throw config.Unsupported(TypeKey, string.Join(", ", Families.Select(family => family.Name)));
        var ofType = Families.Where(family => type is null || family.Name == type).ToArray();
        if (ofType.Length == 0)
            throw config.Unsupported(TypeKey, string.Join(", ", Families.Select(family => family.Name)));
        var ofBoth = ofType.Where(family =>
            classes.IsEmpty || classes.Contains(family.Class, StringComparer.OrdinalIgnoreCase)).ToArray();
        return ofBoth is [var only, ..]
            ? only
            : throw config.Unsupported(ClassKey, string.Join(", ", ofType.Select(family => family.Class)));
    }
}
