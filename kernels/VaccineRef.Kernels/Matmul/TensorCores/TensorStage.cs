using ILGPU;

namespace VaccineRef.Kernels;

/// <summary>
/// Eight words of an operand on their way from memory through the registers of a lane into shared memory: four of a
/// row, and the same four of the row eight below. They are rounded when they are written, so that those read last may
/// still be on their way while the words before them are multiplied. A warp takes the words of 16 rows. Its lanes read
/// 32 bytes or more of every row or column, and no two of them write to the same memory bank at the same time.
/// </summary>
internal struct TensorStage
{
    /// <summary>The number of words of a row in shared memory; the lanes of a warp take every fourth of them.</summary>
    public const int Words = 16;

    /// <summary>
    /// The distance from a row in shared memory to the next, which spreads eight rows of four words over all 32 banks.
    /// </summary>
    public const int Stride = Words + 4;

    private const int Apart = Words / 4;

    private Quad<float> _first, _second, _lowerFirst, _lowerSecond;

    /// <summary>
    /// Reads the words from element <paramref name="p"/> on of the rows at <paramref name="row"/> and
    /// <paramref name="lower"/>, with zeros from element <paramref name="end"/> on. At least one element lies before
    /// the end.
    /// </summary>
    public static TensorStage Read<TS>(TS from, long row, long lower, long inner, int p, int end, int perWord)
        where TS : struct, IGpuElements<float>
    {
        int step = perWord * Apart;
        var x = new TensorStage
        {
            _first = Row(from, row, inner, p, step, end),
            _lowerFirst = Row(from, lower, inner, p, step, end),
        };
        if (perWord == 2)
        {
            x._second = Row(from, row, inner, p + 1, step, end);
            x._lowerSecond = Row(from, lower, inner, p + 1, step, end);
        }

        return x;
    }

    /// <summary>
    /// Writes the words, rounded, to a row from <paramref name="at"/> on, and to the row eight below.
    /// </summary>
    public readonly void Put<TCore>(TCore core, ArrayView<uint> shared, int at) where TCore : struct, ITensorCore
    {
        Put(core, shared, at, _first, _second);
        Put(core, shared, at + (8 * Stride), _lowerFirst, _lowerSecond);
    }

    private static void Put<TCore>(TCore core, ArrayView<uint> shared, int at, Quad<float> first, Quad<float> second)
        where TCore : struct, ITensorCore
    {
        shared[at] = core.Word(first.X, second.X);
        shared[at + Apart] = core.Word(first.Y, second.Y);
        shared[at + (2 * Apart)] = core.Word(first.Z, second.Z);
        shared[at + (3 * Apart)] = core.Word(first.W, second.W);
    }

    private static Quad<float> Row<TS>(TS from, long row, long inner, int p, int step, int end)
        where TS : struct, IGpuElements<float> => new()
        {
            X = Element(from, row, inner, p, end),
            Y = Element(from, row, inner, p + step, end),
            Z = Element(from, row, inner, p + (2 * step), end),
            W = Element(from, row, inner, p + (3 * step), end),
        };

    /// <summary>
    /// Reads an element that is there in any case, and then chooses: a branch around every read would cost more.
    /// </summary>
    private static float Element<TS>(TS from, long row, long inner, int p, int end)
        where TS : struct, IGpuElements<float>
    {
        float x = from.Read(row + (Math.Min(p, end - 1) * inner));
        return p < end ? x : 0;
    }
}
