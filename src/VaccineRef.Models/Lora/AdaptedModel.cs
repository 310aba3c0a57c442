using System.Numerics;
using System.Text.Json.Nodes;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// Loads a model together with an adapter. It differs from loading one after the other where the adapter needs another
/// model than the folder describes: it was saved for a larger vocabulary, whose embedding and head it holds, or it
/// changes a head that the model shares with its embedding.
/// </summary>
public static class AdaptedModel
{
    private const string Head = "lm_head.weight", Tied = "tie_word_embeddings", Vocabulary = "vocab_size";

    /// <summary>Loads both. The model's configuration says the vocabulary and the tie that it then has.</summary>
    /// <param name="folder">The base model's folder.</param>
    /// <param name="adapter">The adapter's folder, in PEFT's layout.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="matrices">How the weights of linear layers are kept.</param>
    /// <param name="stripPrefix">As for <see cref="LanguageModel.Load"/>.</param>
    /// <exception cref="CheckpointException">One of the two cannot be read, or they do not fit.</exception>
    /// <exception cref="InputException">A target matches no layer.</exception>
    public static Model<T> Load<T>(
        string folder, string adapter, Device device, WeightPrecision matrices = WeightPrecision.Full,
        string? stripPrefix = null)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var config = ConfigReader.Open(folder);
        var family = LanguageModel.Family(config);
        string embedding = Embedding(family.Name);
        var asked = AdapterConfig.Read(adapter);
        using var file = Checkpoint.Open(Path.Combine(adapter, Lora.WeightsFile));
        using var checkpoint = Checkpoint.Open(folder);
        LayerCount.Check(config, family.Name, checkpoint);

        var tables = Tables(file, embedding);
        bool tied = config.Bool(Tied, family.Name is "opt" or "gpt2");
        bool untie = tied && ChangesHead(asked, file, tables, embedding);
        if (!untie && tied)
            tables.Remove(Head);                                    // it is the embedding's again
        var model = LanguageModel.Build(
            family.Name, Edited(config, file, tables, untie), device,
            new AdaptedSource<T>(
                new CheckpointSource<T>(checkpoint, device, family.Prefix, stripPrefix),
                new CheckpointSource<T>(file, device, ""), tables, untie ? embedding : null), matrices, folder);
        try
        {
            Lora.Load(model, adapter);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Loads a model with several adapters. Each is merged before the next one is attached; the last one stays
    /// attached.
    /// </summary>
    /// <param name="folder">The base model's folder.</param>
    /// <param name="adapters">The adapters' folders in their order; none loads the model alone.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="matrices">How the weights of linear layers are kept.</param>
    /// <param name="stripPrefix">As for <see cref="LanguageModel.Load"/>.</param>
    /// <exception cref="CheckpointException">
    /// Something cannot be read, does not fit, or an adapter says that it belongs to another model.
    /// </exception>
    /// <exception cref="InputException">A target matches no layer.</exception>
    public static Model<T> Load<T>(
        string folder, IReadOnlyList<string> adapters, Device device, WeightPrecision matrices = WeightPrecision.Full,
        string? stripPrefix = null)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (adapters.Count == 0)
            return LanguageModel.Load<T>(folder, device, matrices, stripPrefix);
        var model = Load<T>(folder, adapters[0], device, matrices, stripPrefix);
        try
        {
            foreach (string next in adapters.Skip(1))
            {
                model.MergeAdapter();
                Lora.Load(model, next);
            }
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    // The families' names for it.
    private static string Embedding(string family) => family switch
    {
        "gpt2" => "transformer.wte.weight",
        "opt" => "model.decoder.embed_tokens.weight",
        _ => "model.embed_tokens.weight",
    };

    /// <summary>
    /// The embedding and the head that an adapter holds: the model's name for them, and the adapter's.
    /// </summary>
    private static Dictionary<string, string> Tables(Checkpoint file, string embedding)
    {
        var tables = new Dictionary<string, string>();
        foreach (string name in file.Tensors.Keys)
        {
            string plain = AdapterNames.Plain(name);
            if (plain == embedding || plain == Head)
                tables.TryAdd(plain, name);
        }
        return tables;
    }

    private static bool ChangesHead(
        AdapterConfig asked, Checkpoint file, Dictionary<string, string> tables, string embedding)
    {
        string module = embedding[..embedding.LastIndexOf('.')];
        bool pair = file.Tensors.Keys.Any(name => AdapterNames.Plain(name) is "lm_head.lora_A.weight"
            || AdapterNames.Plain(name) == $"{module}.lora_embedding_A");
        return pair || (tables.ContainsKey(Head) && asked.Saves("lm_head") && !asked.Saves(module));
    }

    private static ConfigReader Edited(
        ConfigReader config, Checkpoint file, Dictionary<string, string> tables, bool untie)
    {
        var edits = new JsonObject();
        int rows = config.Size(Vocabulary);
        foreach (string name in tables.Values)
        {
            if (file.Entry(name).Shape is [var saved, _] && saved != rows && saved <= int.MaxValue)
                edits[Vocabulary] = (int)saved;
        }
        if (untie)
            edits[Tied] = false;
        return edits.Count == 0 ? config : config.With(edits);
    }
}

/// <summary>A base model's checkpoint, with an adapter's embedding and head in the place of its own.</summary>
/// <param name="model">The base model's.</param>
/// <param name="adapter">The adapter's.</param>
/// <param name="tables">The tables that come from the adapter: the model's name, and the adapter's.</param>
/// <param name="headFrom">The embedding from which a head takes its values that the base model does not store.</param>
internal sealed class AdaptedSource<T>(
    CheckpointSource<T> model, CheckpointSource<T> adapter, Dictionary<string, string> tables, string? headFrom)
    : IWeightSource<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public void Expect(string name, IReadOnlyList<long> dimensions)
    {
        if (tables.TryGetValue(name, out string? saved))
            adapter.Expect(saved, dimensions);
        else
            model.Expect(Stored(name), dimensions);
    }

    /// <inheritdoc/>
    public StoredAs Fill(string name, IReadOnlyList<long> dimensions, Initializer initializer, View<T> to)
    {
        var (source, stored) = Home(name);
        return source.Fill(stored, dimensions, initializer, to) with { Name = name };
    }

    /// <inheritdoc/>
    public StoredAs Fill(string name, IReadOnlyList<long> dimensions, Initializer initializer, View<ushort> to)
    {
        var (source, stored) = Home(name);
        return source.Fill(stored, dimensions, initializer, to) with { Name = name };
    }

    /// <inheritdoc/>
    public StoredAs? Tie(string name, Parameter<T> to)
    {
        if (!tables.ContainsKey(to.Name))
            return model.Tie(name, to);
        model.Ignore(name);                                         // of the vocabulary before
        return null;
    }

    /// <inheritdoc/>
    public void Finish() => model.Finish();

    /// <summary>
    /// Where the values of a parameter are, and under which name. A value that the adapter replaces is not missed.
    /// </summary>
    private (CheckpointSource<T> Source, string Name) Home(string name)
    {
        if (!tables.TryGetValue(name, out string? saved))
            return (model, Stored(name));
        model.Ignore(name);
        return (adapter, saved);
    }

    private string Stored(string name) =>
        headFrom is not null && name == "lm_head.weight" && !model.Has(name) ? headFrom : name;
}
