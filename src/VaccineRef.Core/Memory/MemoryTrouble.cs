namespace VaccineRef.Core;

/// <summary>Says that memory does not suffice: how much was asked for, how much there is, and what to change.</summary>
public static class MemoryTrouble
{
    private const double MiB = 1 << 20;

    private const string Remedy =
        "a smaller batch, a shorter maximum length or a smaller model; blocks computed again (recompute), weights in bf16 and fewer stages at "
        + "once (--threads) need less too, and 'vaccine plan' says what a recipe needs";

    /// <summary>Memory outside the managed heap: the arrays of models and steps.</summary>
    /// <param name="where">The device.</param>
    /// <param name="bytes">How many bytes were asked for in one piece.</param>
    /// <param name="error">What the runtime said.</param>
    public static InputException Of(string where, long bytes, Exception error) => new(
        "not enough memory", where,
        $"{bytes / MiB:F0} MiB asked for in one piece, beside {Environment.WorkingSet / MiB:F0} MiB that are in use",
        $"{Limit} in all, less what others use", Remedy, error);

    /// <summary>Memory of the managed heap: texts, rows, records.</summary>
    /// <param name="error">What the runtime said.</param>
    public static InputException Of(OutOfMemoryException error) => new(
        "not enough memory", "this process",
        $"more asked for, beside {Environment.WorkingSet / MiB:F0} MiB that are in use", $"{Limit} in all",
        Remedy, error);

    // what the collector takes for the memory of this process: the machine's, or a container's or
    // DOTNET_GCHeapHardLimit's limit
    private static string Limit => $"about {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / MiB:F0} MiB";
}
