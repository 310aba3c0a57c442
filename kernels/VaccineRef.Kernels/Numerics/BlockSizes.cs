namespace VaccineRef.Kernels;

/// <summary>
/// The sizes of the blocks that work is divided into. They are constants and never depend on the number of threads,
/// because equal blocks give equal bits for 1 and n threads.
/// </summary>
internal static class BlockSizes
{
    /// <summary>
    /// The number of elements in a block of an elementwise op: 8 KiB of float, so that what several passes read and
    /// write stays in a cache.
    /// </summary>
    public const int Strip = 2048;

    /// <summary>The number of rows in a block of an op that works row by row.</summary>
    public const int Rows = 16;

    /// <summary>The number of columns in a block of a sum over rows.</summary>
    public const int Columns = 256;

    /// <summary>The number of elements in a block of a sum over all elements.</summary>
    public const int Sum = 1 << 14;
}
