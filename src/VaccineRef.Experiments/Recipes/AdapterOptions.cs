using System.Text.Json.Serialization;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Recipes;

/// <summary>
/// The adapter that a stage trains. A stage without one merges what is attached and trains every weight.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(LoraOptions), "lora")]
[JsonDerivedType(typeof(SameAdapterOptions), "same")]
public abstract record AdapterOptions
{
    /// <summary>Checks the settings before anything is loaded.</summary>
    /// <exception cref="RecipeException">A setting is out of its range.</exception>
    public abstract void Validate(string path);
}

/// <summary>The adapter of the stage before, trained on: the paper's single LoRA.</summary>
public sealed record SameAdapterOptions : AdapterOptions
{
    /// <inheritdoc/>
    public override void Validate(string path)
    {
    }
}

/// <summary>
/// A fresh adapter with PEFT's settings. The adapter of the stage before is merged into the weights first: the paper's
/// double LoRA.
/// </summary>
public sealed record LoraOptions : AdapterOptions
{
    private double? _alpha;

    /// <summary>r.</summary>
    public int Rank { get; set; } = 8;

    /// <summary>
    /// Which alpha is meant where none is given: 4, as the paper's scripts name it, or 1, which the released scripts
    /// arrive at (docs/deviations.md, D1).
    /// </summary>
    public Variant Variant { get; set; }

    /// <summary>alpha: the adapter is scaled by alpha / r.</summary>
    public double Alpha
    {
        get => _alpha ?? (Variant == Variant.AsReleased ? 1 : 4);
        set => _alpha = value;
    }

    /// <summary>Dropout on the adapter's input.</summary>
    public double Dropout { get; set; } = 0.1;

    /// <summary>Names of modules; an empty list means every linear layer.</summary>
    public IReadOnlyList<string> Targets { get; set; } = [];

    /// <summary>Whether the adapter is scaled by alpha / sqrt(r) instead.</summary>
    public bool RsLora { get; set; }

    /// <summary>The adapter that these settings describe.</summary>
    public AdapterConfig Config() =>
        new(Rank, Alpha, Targets.Count > 0 ? TargetModules.Named([.. Targets]) : TargetModules.AllLinear)
        {
            Dropout = Dropout,
            UseRsLora = RsLora,
        };

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        if (Rank < 1)
            throw RecipeException.OutOfRange($"{path}.rank", Rank, "at least 1");
        if (!double.IsFinite(Alpha))
            throw RecipeException.OutOfRange($"{path}.alpha", Alpha, "a finite number");
        if (Dropout is not (>= 0 and < 1))
            throw RecipeException.OutOfRange($"{path}.dropout", Dropout, "from 0 to below 1");
    }
}
