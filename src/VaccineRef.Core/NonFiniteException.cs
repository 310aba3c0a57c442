namespace VaccineRef.Core;

/// <summary>A loss or a gradient is NaN or infinite. The run stops before the weights are changed.</summary>
public sealed class NonFiniteException(string what, long step, string? first, IReadOnlyList<string> batch)
    : Exception(
        $"{what} is not finite at step {step}" + Environment.NewLine
        + (first is null ? "" : $"  first at:  {first}" + Environment.NewLine)
        + $"  batch:     {string.Join(", ", batch)}" + Environment.NewLine
        + "  remedy:    a smaller learning rate or rho; the weights on disk are those of the last finished stage")
{
    /// <summary>What is not finite.</summary>
    public string What { get; } = what;

    /// <summary>The number of the optimizer step, from 1.</summary>
    public long Step { get; } = step;

    /// <summary>The first site or parameter that is not finite, if known.</summary>
    public string? First { get; } = first;

    /// <summary>The ids of the examples in the batch.</summary>
    public IReadOnlyList<string> Batch { get; } = batch;
}
