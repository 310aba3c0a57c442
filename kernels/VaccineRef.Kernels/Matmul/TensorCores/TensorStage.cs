using ILGPU;

namespace VaccineRef.Kernels;

/// <summary>
/// Eight words of an operand on their way from memory through a lane's registers into shared memory: four of a row, and
/// the same of the row eight below. They are rounded on the way out, so that what was read last may still be on its way
/// while the words before are multiplied. A warp takes the words of 16 rows: lanes read 32 bytes and more of every row or
/// column, and write without meeting in a memory bank.
/// </summary>
internal struct TensorStage
{
    /// <summary>Words of a row in shared memory; a warp's lanes take every fourth of them.</summary>
    public const int Words = 16;

    /// <summary>From a row in shared memory to the next: spreads eight rows of four words over all 32 banks.</summary>
    public const int Stride = Words + 4;

    private const int Apart = Words / 4;

    private Quad<float> _first, _second, _lowerFirst, _lowerSecond;

    /// <summary>
    /// The words from element <paramref name="p"/> on of the rows at <paramref name="row"/> and
    /// <paramref name="lower"/>; zeros from <paramref name="end"/> on. There is an element before the end.
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

    /// <summary>Writes the words, rounded, to a row from <paramref name="at"/> on, and to the row eight below.</summary>
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

    /// <summary>Reads what is there in any case, and then chooses: a branch around every read would cost more.</summary>
    private static float Element<TS>(TS from, long row, long inner, int p, int end)
        where TS : struct, IGpuElements<float>
    {
        float x = from.Read(row + (Math.Min(p, end - 1) * inner));
        return p < end ? x : 0;
    }
}
