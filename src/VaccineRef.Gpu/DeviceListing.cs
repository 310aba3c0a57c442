namespace VaccineRef.Gpu;

/// <summary>One device that this machine has.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Model">What it is.</param>
/// <param name="MemoryBytes">Its memory.</param>
/// <param name="Multiprocessors">How many it has.</param>
/// <param name="Capabilities">Architecture or language version, and whether it knows double.</param>
/// <param name="Unusable">Why it cannot be used; null where it can.</param>
public sealed record DeviceListing(
    string Name, string Model, long MemoryBytes, int Multiprocessors, string Capabilities, string? Unusable);
