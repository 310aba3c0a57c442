using System.Collections.Immutable;
using System.Numerics;
using System.Text;
using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Models.Gguf;

namespace VaccineRef.Models;

/// <summary>A language model with its weights and its configuration.</summary>
public sealed class Model<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    // The shard size of transformers' save_pretrained.
    private const long MaxShardBytes = 5_000_000_000;

    private readonly WeightStore<T> _weights;
    private readonly List<string> _warnings = [];
    private string? _identity;

    /// <summary>
    /// Makes a model of a network of one's own, so that it can generate, carry an adapter and be saved like any other.
    /// </summary>
    /// <param name="network">The transformer, or whatever stands in its place.</param>
    /// <param name="weights">The store that made its parameters. The model owns it.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="config">What config.json is to say; by default the family alone.</param>
    public Model(ILanguageModel<T> network, WeightStore<T> weights, Device device, ConfigReader? config = null)
        : this(network, weights, config ?? Described(network), device, folder: null)
    {
    }

    internal Model(
        ILanguageModel<T> network, WeightStore<T> weights, ConfigReader config, Device device, string? folder)
    {
        (Network, _weights, Config, Device, Folder) = (network, weights, config, device, folder);
        EndIds = EndTokens.Of(config, folder);
    }

    /// <summary>The transformer.</summary>
    public ILanguageModel<T> Network { get; }

    /// <summary>The configuration: config.json.</summary>
    public ConfigReader Config { get; }

    /// <summary>The device on which the model runs.</summary>
    public Device Device { get; }

    /// <summary>The folder from which the model was loaded; null if it was created.</summary>
    public string? Folder { get; }

    /// <summary>The tokens that end a text by config.json and generation_config.json; there may be several.</summary>
    public ImmutableArray<int> EndIds { get; }

    /// <summary>The LoRA that is attached, merged or not; null if there is none.</summary>
    public Lora<T>? Adapter { get; internal set; }

    /// <summary>
    /// What the adapters that were read for this model ask for and do not do, those that are merged included.
    /// </summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>
    /// The parameters that training changes: those of the adapter if there is one, otherwise all. Whoever takes all of
    /// them may change them, so the model is no longer taken for the one that was loaded.
    /// </summary>
    public IReadOnlyList<Parameter<T>> Trainable
    {
        get
        {
            if (Adapter is { } adapter)
                return adapter.Parameters;
            (_identity, IsAsLoaded, IsMerged) = (null, false, false);
            return Network.Parameters;
        }
    }

    /// <summary>
    /// SHA-256, in lower-case hexadecimal, of the weights and of the adapters that were merged into them. An adapter
    /// that is attached and not merged is no part of it. Adapters that are saved carry the identity of the model that
    /// they are attached to, and are refused on any other.
    /// </summary>
    public string Identity => _identity ??= WeightsIdentity();

    /// <summary>Whether the weights are still those of <see cref="Folder"/>.</summary>
    internal bool IsAsLoaded { get; private set; } = true;

    /// <summary>Whether adapters were merged into the weights.</summary>
    internal bool IsMerged { get; private set; }

    /// <summary>Bytes that the weights take.</summary>
    public long Bytes => _weights.Bytes;

    /// <summary>
    /// Writes a folder that Hugging Face can load: the weights under the names and in the types in which they were
    /// read, an unchanged config.json, and the files of the tokenizer. If anything fails, nothing is written.
    /// </summary>
    /// <param name="folder">A new or empty folder.</param>
    /// <param name="tokenizer">
    /// The folder from which the tokenizer's files are copied; by default the folder from which the model was loaded.
    /// </param>
    /// <param name="exact">
    /// Whether weights are written in the type that they are computed in, so that reading them gives the same bits;
    /// otherwise in the type that they were read with.
    /// </param>
    /// <exception cref="InputException">
    /// An adapter is attached and not merged, the folder is not empty or cannot be written, or a value does not fit
    /// into its type.
    /// </exception>
    public void Save(string folder, string? tokenizer = null, bool exact = false)
    {
        RequireMerged(folder);
        AtomicFile.WriteFolder(folder, temporary =>
        {
            Config.CopyTo(temporary);
            SafetensorsWriter.WriteSharded(temporary, _weights.Tensors(exact), MaxShardBytes);
            if ((tokenizer ?? Folder) is { } from)
                TokenizerFiles.Copy(from, temporary);
        });
    }

    /// <summary>
    /// Writes a folder that Hugging Face can load without knowing this program: every weight in one type, which
    /// config.json names, and what belongs to the tokenizer. If anything fails, nothing is written.
    /// </summary>
    /// <param name="folder">A new or empty folder.</param>
    /// <param name="type">The type of the weights; narrowing rounds once, to nearest even.</param>
    /// <param name="tokenizer">Receives the folder, and writes the tokenizer's files into it.</param>
    /// <exception cref="InputException">
    /// An adapter is attached and not merged, the folder is not empty or cannot be written, or a value does not fit.
    /// </exception>
    public void Export(string folder, TensorType type, Action<string> tokenizer)
    {
        RequireMerged(folder);
        string name = type switch { TensorType.BF16 => "bfloat16", TensorType.F16 => "float16", _ => "float32" };
        // Transformers 4 reads torch_dtype and version 5 dtype; a file that has the latter is of the newer kind.
        string key = Config.Has("dtype") ? "dtype" : "torch_dtype";
        AtomicFile.WriteFolder(folder, temporary =>
        {
            var config = JsonNode.Parse(Config.Raw.Span)!;
            config[key] = name;
            AtomicFile.WriteJson(Path.Combine(temporary, ConfigReader.FileName), config);
            SafetensorsWriter.WriteSharded(temporary, _weights.Tensors(type), MaxShardBytes);
            tokenizer(temporary);
        });
    }

    /// <summary>
    /// Writes a Llama, Mistral or Qwen2 with its tokenizer as one GGUF file under llama.cpp's names. If anything fails,
    /// nothing is written.
    /// </summary>
    /// <param name="path">A file that does not exist yet.</param>
    /// <param name="type">
    /// The type of matrices, F32, F16 or BF16; narrowing rounds once, to nearest even. Vectors are F32.
    /// </param>
    /// <param name="tokenizer">Receives a temporary folder, and writes the tokenizer's files into it.</param>
    /// <returns>
    /// Which texts llama.cpp splits otherwise than the tokenizer, as sentences; empty where it splits all alike.
    /// </returns>
    /// <exception cref="InputException">
    /// An adapter is attached and not merged, the file exists or cannot be written, a value does not fit, or llama.cpp
    /// has no name for something that the model or its tokenizer has.
    /// </exception>
    public IReadOnlyList<string> ExportGguf(string path, TensorType type, Action<string> tokenizer)
    {
        RequireMerged(path);
        if (Path.Exists(path))
            throw new InputException("the output file exists already", path, remedy: "choose another name");
        var folder = Directory.CreateTempSubdirectory("vaccine-");
        try
        {
            tokenizer(folder.FullName);
            Config.CopyTo(folder.FullName);
            return GgufModel.Write(this, path, type, folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>The values of a parameter, on the host.</summary>
    internal ReadOnlySpan<T> Values(Parameter<T> parameter) => _weights.Values(parameter);

    /// <summary>Merges the adapter that is attached into the weights, if there is one, and takes it off.</summary>
    public void MergeAdapter()
    {
        using var adapter = Adapter;
        adapter?.Merge();
    }

    /// <summary>The identity of the weights as they are now, whatever they came from.</summary>
    internal string WeightsIdentity() => ModelIdentity.Of(Network.Parameters, Device);

    /// <summary>Notes that the weights have changed by an adapter.</summary>
    internal void Became(string identity, bool isMerged) =>
        (_identity, IsAsLoaded, IsMerged) = (identity, false, isMerged);

    internal void Warn(IEnumerable<string> warnings) => _warnings.AddRange(warnings);

    /// <summary>Frees the weights and the adapter.</summary>
    public void Dispose()
    {
        Adapter?.Dispose();
        _weights.Dispose();
    }

    private static ConfigReader Described(ILanguageModel<T> network) =>
        ConfigReader.Parse(
            Encoding.UTF8.GetBytes(new JsonObject { ["model_type"] = network.Shape.Family }.ToJsonString()));

    private void RequireMerged(string folder)
    {
        if (Adapter is { IsMerged: false })
            throw new InputException(
                "a model with an adapter cannot be saved as one checkpoint", folder, "an adapter that is not merged",
                remedy: "merge or detach the adapter first, or save the adapter by itself");
    }
}
