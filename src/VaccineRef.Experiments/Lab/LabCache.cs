using System.Text.Json;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Lab;

/// <summary>
/// Finished cells, a JSON file each, and the models that others begin with, a Hugging Face folder each; under the hash
/// of what determines them, and renamed into place when complete. A grid that was stopped goes on where it was, one
/// that is extended computes what is new.
/// </summary>
/// <param name="folder">Where; made when needed.</param>
public sealed class LabCache(string folder)
{
    /// <summary>A finished cell, under the names that <paramref name="cell"/> has today; null if it is not there.</summary>
    /// <param name="hash">Its hash.</param>
    /// <param name="cell">The cell.</param>
    /// <param name="keepsModel">Whether the model that it ended with has to be there too.</param>
    /// <exception cref="InputException">The file is no result of a cell.</exception>
    public LabResult? Find(string hash, LabCell cell, bool keepsModel)
    {
        string path = Result(hash);
        if (!File.Exists(path) || (keepsModel && !Directory.Exists(Model(hash))))
            return null;
        try
        {
            var result = JsonSerializer.Deserialize(File.ReadAllText(path), LabJson.Default.LabResult) ?? throw new JsonException("null");
            return result with { Cell = cell };
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new InputException(
                "a file of the lab's cache cannot be read", path, error.Message, "a cell that this program wrote",
                "remove the file: the cell is computed again", error);
        }
    }

    /// <summary>Keeps a finished cell.</summary>
    public void Keep(LabResult result) =>
        AtomicFile.WriteText(Result(result.Hash), JsonSerializer.Serialize(result, LabJson.Default.LabResult) + "\n");

    /// <summary>
    /// Keeps the model that a cell ended with, its adapter beside it where that is to be trained on. A model that is
    /// there already is the same one.
    /// </summary>
    internal void Keep(string hash, Model<float> model)
    {
        if (model.Adapter is { } adapter)
        {
            if (!Directory.Exists(Adapter(hash)))
                adapter.Save(Adapter(hash));
            adapter.Detach();
        }

        if (!Directory.Exists(Model(hash)))
            model.Save(Model(hash));
    }

    /// <summary>Loads the model that a cell ended with.</summary>
    internal Model<float> Load(string hash, Device device, WeightPrecision weights)
    {
        var model = LanguageModel.Load<float>(Model(hash), device, weights);
        if (Directory.Exists(Adapter(hash)))
            Lora.Load(model, Adapter(hash));
        return model;
    }

    private string Result(string hash) => Path.Combine(folder, "cells", $"{hash}.json");

    private string Model(string hash) => Path.Combine(folder, "models", hash);

    private string Adapter(string hash) => Path.Combine(folder, "models", $"{hash}-adapter");
}
