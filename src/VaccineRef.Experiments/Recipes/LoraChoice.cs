using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Recipes;

/// <summary>An adapter's settings, PEFT's names.</summary>
public sealed record LoraChoice
{
    private double? _alpha;

    /// <summary>r.</summary>
    public int Rank { get; set; } = 8;

    /// <summary>Which alpha stands for none: 4, of the paper's time; or as_released 1, which the released scripts reach (D1).</summary>
    public Variant Variant { get; set; }

    /// <summary>alpha: the adapter is scaled by alpha / r.</summary>
    public double Alpha
    {
        get => _alpha ?? (Variant == Variant.AsReleased ? 1 : 4);
        set => _alpha = value;
    }

    /// <summary>Dropout on the adapter's input.</summary>
    public double Dropout { get; set; } = 0.1;

    /// <summary>Names of modules; empty means every linear layer.</summary>
    public IReadOnlyList<string> Targets { get; set; } = [];

    /// <summary>Scale by alpha / sqrt(r) instead.</summary>
    public bool RsLora { get; set; }

    /// <summary>The adapter that these settings describe.</summary>
    public AdapterConfig Config() =>
        new(Rank, Alpha, Targets.Count > 0 ? TargetModules.Named([.. Targets]) : TargetModules.AllLinear)
        {
            Dropout = Dropout,
            UseRsLora = RsLora,
        };
}
