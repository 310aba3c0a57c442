namespace VaccineRef.Kernels;

/// <summary>
/// Sizes of the pieces that work is cut into. They are constants, never functions of the number of threads: the same
/// pieces give the same bits for 1 and n threads.
/// </summary>
internal static class BlockSizes
{
    /// <summary>
    /// Elements of an elementwise piece: 8 KiB of float, so that what several passes read and write stays in cache.
    /// </summary>
    public const int Strip = 2048;

    /// <summary>Rows of a piece of a row-wise op.</summary>
    public const int Rows = 16;

    /// <summary>Columns of a piece of a sum over rows.</summary>
    public const int Columns = 256;

    /// <summary>Elements of a piece of a sum over everything.</summary>
    public const int Sum = 1 << 14;
}
