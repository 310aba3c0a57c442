namespace VaccineRef.Gpu;

/// <summary>An op or a routine has no kernel for the device it was called on. There is no fallback.</summary>
/// <param name="op">The op or routine.</param>
/// <param name="device">The device.</param>
public sealed class KernelMissingException(string op, string device)
    : Exception($"{op} has no kernel for {device}: add its half in {op}.Gpu.cs, or run on cpu");
