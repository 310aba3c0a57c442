namespace VaccineRef.Experiments.Data;

/// <summary>A value that cannot be read. It is an error only where somebody needs its field.</summary>
/// <param name="Why">What stands there.</param>
internal sealed record Unreadable(string Why);
