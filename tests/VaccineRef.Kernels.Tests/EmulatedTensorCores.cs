using ILGPU;
using ILGPU.Frontend;
using VaccineRef.Core;

namespace VaccineRef.Kernels.Tests;

/// <summary>Stands in for tensor cores on bfloat16, on ILGPU's simulator: m16n8k16.</summary>
public readonly struct EmulatedBFloat16 : ITensorCore
{
    int ITensorCore.PerWord => 2;

    uint ITensorCore.Word(float first, float second) => EmulatedWarp.BFloat16Word(first, second);

    void ITensorCore.Clear() => EmulatedWarp.Clear();

    void ITensorCore.AddToRow0(TensorWords a, TensorWords left, TensorWords right) =>
        EmulatedWarp.Add(0, a, left, right, 2);

    void ITensorCore.AddToRow1(TensorWords a, TensorWords left, TensorWords right) =>
        EmulatedWarp.Add(1, a, left, right, 2);

    void ITensorCore.AddToRow2(TensorWords a, TensorWords left, TensorWords right) =>
        EmulatedWarp.Add(2, a, left, right, 2);

    void ITensorCore.AddToRow3(TensorWords a, TensorWords left, TensorWords right) =>
        EmulatedWarp.Add(3, a, left, right, 2);

    TensorRow ITensorCore.Sums(int row) => EmulatedWarp.Sums(row);
}

/// <summary>Stands in for tensor cores on TF32: m16n8k8.</summary>
public readonly struct EmulatedTf32 : ITensorCore
{
    int ITensorCore.PerWord => 1;

    uint ITensorCore.Word(float first, float second) => EmulatedWarp.Tf32Word(first);

    void ITensorCore.Clear() => EmulatedWarp.Clear();

    void ITensorCore.AddToRow0(TensorWords a, TensorWords left, TensorWords right) =>
        EmulatedWarp.Add(0, a, left, right, 1);

    void ITensorCore.AddToRow1(TensorWords a, TensorWords left, TensorWords right) =>
        EmulatedWarp.Add(1, a, left, right, 1);

    void ITensorCore.AddToRow2(TensorWords a, TensorWords left, TensorWords right) =>
        EmulatedWarp.Add(2, a, left, right, 1);

    void ITensorCore.AddToRow3(TensorWords a, TensorWords left, TensorWords right) =>
        EmulatedWarp.Add(3, a, left, right, 1);

    TensorRow ITensorCore.Sums(int row) => EmulatedWarp.Sums(row);
}

/// <summary>
/// The lanes of the simulator's one running group, each a thread of its own, hand their registers to each other and
/// compute what is theirs of every piece by the tables of the PTX ISA, cut off to float as tensor cores do. To ILGPU,
/// which checks what it simulates, these methods are external; the simulator runs them as they stand.
/// </summary>
internal static class EmulatedWarp
{
    private const int Lanes = 32, Warps = 8, Pieces = 4, Depth = 16;
    private const uint Ignored = (1 << 13) - 1;         // bits of a float that TF32 does not have

    // What the lanes of each warp hold together: A (16, k), and B (k, 8) of each piece of a row.
    private static readonly double[][,] A = [.. Enumerable.Range(0, Warps).Select(_ => new double[16, Depth])];
    private static readonly double[,][,] B = Matrices();

    [ThreadStatic]
    private static float[]? _sums;

    [External("bfloat16_word")]
    public static uint BFloat16Word(float first, float second)
    {
        Span<ushort> bits = stackalloc ushort[2];
        BFloat16.Narrow<float>([first, second], bits);
        return bits[0] | ((uint)bits[1] << 16);
    }

    [External("tf32_word")]
    public static uint Tf32Word(float x) => (BitConverter.SingleToUInt32Bits(x) + ((Ignored + 1) / 2)) & ~Ignored;

    [External("tensor_clear")]
    public static void Clear() => _sums = new float[64];

    [External("tensor_sums")]
    public static TensorRow Sums(int row)
    {
        return new() { First = Piece(0), Second = Piece(1), Third = Piece(2), Fourth = Piece(3) };

        Quad<float> Piece(int column)
        {
            var c = _sums.AsSpan(4 * ((4 * row) + column), 4);
            return new() { X = c[0], Y = c[1], Z = c[2], W = c[3] };
        }
    }

    [External("tensor_add")]
    public static void Add(int row, TensorWords a, TensorWords left, TensorWords right, int perWord)
    {
        int lane = Group.IdxX % Lanes, warp = Group.IdxX / Lanes;
        for (int piece = 0; piece < Pieces; piece++)
        {
            var pair = piece < 2 ? left : right;
            uint[] whole = [a.X, a.Y, a.Z, a.W], b = piece % 2 == 0 ? [pair.X, pair.Y] : [pair.Z, pair.W];
            if (perWord == 2)
                BFloat16Elements(lane, whole, b, A[warp], B[warp, piece]);
            else
                Tf32Elements(lane, whole, b, A[warp], B[warp, piece]);
        }

        Group.Barrier();
        for (int piece = 0; piece < Pieces; piece++)
            AddOwn(lane, 8 * perWord, _sums.AsSpan(4 * ((4 * row) + piece), 4), A[warp], B[warp, piece]);
        Group.Barrier();
    }

    /// <summary>a0..a7 and b0..b3 of a lane, with rows and columns as the tables give them.</summary>
    private static void BFloat16Elements(int lane, uint[] a, uint[] b, double[,] left, double[,] right)
    {
        int group = lane >> 2, thread = lane % 4;
        for (int i = 0; i < 8; i++)
        {
            int row = i is < 2 or (>= 4 and < 6) ? group : group + 8;
            left[row, (thread * 2) + (i & 1) + (i >= 4 ? 8 : 0)] = Half(a[i / 2], i % 2);
        }

        for (int i = 0; i < 4; i++)
            right[(thread * 2) + (i & 1) + (i >= 2 ? 8 : 0), group] = Half(b[i / 2], i % 2);

        static double Half(uint word, int which) =>
            BitConverter.UInt32BitsToSingle(which == 0 ? word << 16 : word & 0xFFFF0000);
    }

    /// <summary>a0..a3 and b0, b1 of a lane.</summary>
    private static void Tf32Elements(int lane, uint[] a, uint[] b, double[,] left, double[,] right)
    {
        int group = lane >> 2, thread = lane % 4;
        left[group, thread] = Number(a[0]);
        left[group + 8, thread] = Number(a[1]);
        left[group, thread + 4] = Number(a[2]);
        left[group + 8, thread + 4] = Number(a[3]);
        right[thread, group] = Number(b[0]);
        right[thread + 4, group] = Number(b[1]);

        static double Number(uint word) => BitConverter.UInt32BitsToSingle(word & ~Ignored);
    }

    /// <summary>c0..c3 of a lane, as the table gives them.</summary>
    private static void AddOwn(int lane, int depth, Span<float> c, double[,] x, double[,] y)
    {
        int group = lane >> 2, thread = lane % 4;
        for (int i = 0; i < 4; i++)
        {
            double sum = c[i];
            for (int k = 0; k < depth; k++)
                sum += x[i < 2 ? group : group + 8, k] * y[k, (thread * 2) + (i & 1)];
            c[i] = TowardsZero(sum);
        }
    }

    private static float TowardsZero(double x)
    {
        float near = (float)x;
        return Math.Abs((double)near) <= Math.Abs(x) ? near
            : near > 0 ? MathF.BitDecrement(near)
            : MathF.BitIncrement(near);
    }

    private static double[,][,] Matrices()
    {
        var all = new double[Warps, Pieces][,];
        for (int i = 0; i < all.Length; i++)
            all[i / Pieces, i % Pieces] = new double[Depth, 8];
        return all;
    }
}
