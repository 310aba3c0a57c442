using System.Numerics;
using System.Text;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Experiments.World;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Recipes;

/// <summary>
/// The model that a recipe begins with. To add a kind, write its record and add its line to the list below.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(FolderModelOptions), "folder")]
[JsonDerivedType(typeof(WorldModelOptions), "world")]
public abstract record ModelOptions
{
    /// <summary>How the weights of linear layers are kept.</summary>
    [JsonIgnore]
    public virtual WeightPrecision Kept => WeightPrecision.Full;

    /// <summary>Whether the model knows something before the first stage, so that it is worth measuring.</summary>
    [JsonIgnore]
    public abstract bool IsTrained { get; }

    /// <summary>What tables call it.</summary>
    public abstract string Label();

    /// <summary>Its extents, without its weights.</summary>
    /// <param name="folder">The folder that paths are relative to.</param>
    public abstract ModelShape Shape(string folder);

    /// <summary>Its tokenizer.</summary>
    /// <param name="folder">The folder that paths are relative to.</param>
    public abstract ITextTokenizer Tokenizer(string folder);

    /// <summary>Writes the files of its tokenizer into a model folder, so that Hugging Face can load them.</summary>
    /// <param name="folder">The folder that paths are relative to.</param>
    /// <param name="to">The model folder.</param>
    public abstract void WriteTokenizer(string folder, string to);

    /// <summary>A chat template: a built-in one with the model's tokens, or its own.</summary>
    /// <param name="folder">The folder that paths are relative to.</param>
    /// <param name="id">The id of a built-in template, "model", or "model:NAME".</param>
    /// <exception cref="ChatTemplateException">
    /// There is no such template, or it uses something that is not supported.
    /// </exception>
    public abstract ChatTemplate Chat(string folder, string id);

    /// <summary>Loads or makes it.</summary>
    /// <param name="folder">The folder that paths are relative to.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="random">Where random weights come from.</param>
    /// <exception cref="InputException">There is no such model.</exception>
    public abstract Model<T> Load<T>(string folder, Device device, RandomStream random)
        where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>Checks the settings before anything is loaded.</summary>
    /// <exception cref="RecipeException">A setting is out of its range.</exception>
    public virtual void Validate(string path)
    {
    }
}

/// <summary>A Hugging Face folder: config.json, safetensors, tokenizer files.</summary>
public sealed record FolderModelOptions : ModelOptions
{
    /// <summary>The folder.</summary>
    public required string Path { get; init; }

    /// <summary>A PEFT folder to attach and merge before anything else.</summary>
    public string? Adapter { get; set; }

    /// <summary>
    /// How the weights of linear layers are kept: full, or bf16, which leaves only adapters to train.
    /// </summary>
    public WeightPrecision Weights { get; set; }

    /// <summary>
    /// What the names of the weights begin with and the model's own names do not, such as "module."; none if absent.
    /// </summary>
    public string? StripPrefix { get; set; }

    /// <inheritdoc/>
    [JsonIgnore]
    public override WeightPrecision Kept => Weights;

    /// <inheritdoc/>
    [JsonIgnore]
    public override bool IsTrained => true;

    /// <inheritdoc/>
    public override string Label() =>
        System.IO.Path.GetFileName(Path.TrimEnd(System.IO.Path.DirectorySeparatorChar, '/'));

    /// <inheritdoc/>
    public override ModelShape Shape(string folder) => LanguageModel.ShapeOf(In(folder, Path));

    /// <inheritdoc/>
    public override ITextTokenizer Tokenizer(string folder) => TextTokenizer.Load(In(folder, Path));

    /// <inheritdoc/>
    public override void WriteTokenizer(string folder, string to) => TokenizerFiles.Copy(In(folder, Path), to);

    /// <inheritdoc/>
    public override ChatTemplate Chat(string folder, string id) => ChatTemplate.Load(In(folder, Path), id);

    /// <inheritdoc/>
    public override Model<T> Load<T>(string folder, Device device, RandomStream random)
    {
        if (Adapter is not { } adapter)
            return LanguageModel.Load<T>(In(folder, Path), device, Weights, StripPrefix);
        var model = AdaptedModel.Load<T>(In(folder, Path), In(folder, adapter), device, Weights, StripPrefix);
        model.MergeAdapter();
        return model;
    }

    private static string In(string folder, string path) =>
        System.IO.Path.GetFullPath(System.IO.Path.Combine(folder, path));
}

/// <summary>
/// A Llama over the words of the synthetic world, with random weights. The feed-forward size is 2.75 times the hidden
/// size, and the head is the embedding.
/// </summary>
public sealed record WorldModelOptions : ModelOptions
{
    /// <summary>The most tokens of a text; the longest text of the world has about 28.</summary>
    private const int Context = 64;

    /// <summary>Hidden size.</summary>
    public int Hidden { get; set; } = 64;

    /// <summary>Transformer blocks.</summary>
    public int Layers { get; set; } = 4;

    /// <summary>Attention heads.</summary>
    public int Heads { get; set; } = 4;

    /// <inheritdoc/>
    [JsonIgnore]
    public override bool IsTrained => false;

    /// <inheritdoc/>
    public override string Label() => $"{Hidden} x {Layers}";

    /// <inheritdoc/>
    public override ModelShape Shape(string folder) => LanguageModel.ShapeOf(Config());

    /// <inheritdoc/>
    public override ITextTokenizer Tokenizer(string folder) => new WorldTokenizer();

    /// <inheritdoc/>
    public override void WriteTokenizer(string folder, string to) => WorldTokenizerFiles.Write(to);

    /// <inheritdoc/>
    /// <remarks>The world's words are no text that a template could stand around.</remarks>
    public override ChatTemplate Chat(string folder, string id) => throw new ChatTemplateException(
        "the synthetic model has no chat template", found: id, expected: "a template that is none of conversations",
        remedy: $"name {string.Join(", ", Data.PromptTemplate.All.Select(template => template.Id))}");

    /// <inheritdoc/>
    public override Model<T> Load<T>(string folder, Device device, RandomStream random) =>
        LanguageModel.Create<T>(Config(), device, random.At("weights"));

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        const int Most = 4096;
        if (Heads is < 1 or > Most)
            throw RecipeException.OutOfRange($"{path}.heads", Heads, $"1 to {Most}");
        if (Layers is < 1 or > Most)
            throw RecipeException.OutOfRange($"{path}.layers", Layers, $"1 to {Most}");
        if (Hidden < 4 || Hidden > Most || Hidden % (4 * Heads) != 0)
            throw RecipeException.OutOfRange(
                $"{path}.hidden", Hidden, $"a multiple of four times the heads, up to {Most}");
    }

    // The spread of the first weights is that of a model this small, not of a large one.
    private ConfigReader Config() => ConfigReader.Parse(Encoding.UTF8.GetBytes(
        $$"""
        {
          "model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": {{new WorldTokenizer().VocabularySize}},
          "hidden_size": {{Hidden}}, "intermediate_size": {{Hidden * 11 / 4}}, "num_hidden_layers": {{Layers}},
          "num_attention_heads": {{Heads}}, "max_position_embeddings": {{Context}}, "rms_norm_eps": 1e-5,
          "tie_word_embeddings": true, "initializer_range": 0.1,
          "bos_token_id": null, "eos_token_id": {{new WorldTokenizer().EosId}}
        }
        """), "config.json");
}
