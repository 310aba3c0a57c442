namespace VaccineRef.Bench;

/// <summary>One linear layer of a step: the shapes of its three products.</summary>
/// <param name="Layer">Which layer of which shape.</param>
/// <param name="Rows">Rows of x.</param>
/// <param name="Outputs">Columns of y.</param>
/// <param name="Inputs">Columns of x.</param>
public sealed record LayerShape(string Layer, int Rows, int Outputs, int Inputs) : IWork
{
    /// <summary>Every layer of S and P: the projections, the head a chunk of rows at a time, LoRA's A and B.</summary>
    public static readonly LayerShape[] All =
    [
        new("S q k v o", 2048, 384, 384), new("S gate up", 2048, 1024, 384), new("S down", 2048, 384, 1024),
        new("S head", 256, 4096, 384),
        new("P q k v o", 1000, 768, 768), new("P gate up", 1000, 2048, 768), new("P down", 1000, 768, 2048),
        new("P head", 131, 32000, 768),
        new("P lora A", 1000, 8, 768), new("P lora A, down", 1000, 8, 2048),
        new("P lora B", 1000, 768, 8), new("P lora B, up", 1000, 2048, 8),
    ];

    /// <inheritdoc/>
    public Work Of(string method) => new(2.0 * Rows * Outputs * Inputs, Unit.Flop);

    /// <summary>How BenchmarkDotNet shows it.</summary>
    public override string ToString() => $"{Layer}: {Rows}x{Outputs}x{Inputs}";
}
