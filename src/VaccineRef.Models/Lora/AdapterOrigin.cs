using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// What the file of an adapter says about the model that the adapter belongs to. It stands in the metadata of
/// <c>adapter_model.safetensors</c>, which PEFT does not read: a key more in <c>adapter_config.json</c> would keep
/// older versions of PEFT from loading it, and a file beside it is soon left behind.
/// </summary>
/// <param name="Model">The identity of the model, with all that was merged into it.</param>
/// <param name="Weights">The identity of its weights alone, as if they had been loaded.</param>
/// <param name="Description">What the model is, in words.</param>
internal sealed record AdapterOrigin(string Model, string Weights, string Description)
{
    private const string ModelKey = "vaccineref.base", WeightsKey = "vaccineref.base_weights",
        DescriptionKey = "vaccineref.base_is";

    private const int Shown = 12;

    /// <summary>Reads it; null where the file has none, as those that PEFT writes.</summary>
    public static AdapterOrigin? Read(Checkpoint file) =>
        file.Metadata.TryGetValue(ModelKey, out string? model)
            ? new(
                model, file.Metadata.GetValueOrDefault(WeightsKey, model),
                file.Metadata.GetValueOrDefault(DescriptionKey, "another model"))
            : null;

    /// <summary>The metadata of the file, with what Hugging Face demands of every file.</summary>
    public IReadOnlyDictionary<string, string> Metadata() => new Dictionary<string, string>
    {
        ["format"] = "pt",
        [ModelKey] = Model,
        [WeightsKey] = Weights,
        [DescriptionKey] = Description,
    };

    /// <summary>Requires that a model without an adapter is the one that the adapter belongs to.</summary>
    /// <exception cref="CheckpointException">It is another one.</exception>
    public void Require<T>(Model<T> model, string file) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (model.Device is DryDevice)
            return;                             // it has no weights to compare; the run compares them before its first step
        string found = model.Identity;
        if (found == Model || found == Weights || (model.IsMerged && model.WeightsIdentity() == Weights))
            return;
        string merged = model.IsMerged ? "the model with the adapters that were merged into it" : "the model as it is";
        throw new CheckpointException(
            "the adapter belongs to another model", file, null, $"{merged}: {found[..Shown]}",
            $"{Description}: {Model[..Math.Min(Shown, Model.Length)]}",
            "give the adapters of the stages before it first, each with --adapter and in their order; or name the run "
            + "and its stage, as in: vaccine evaluate RUN --stage attacked");
    }
}
