using System.Numerics;
using ILGPU;

namespace VaccineRef.Kernels;

/// <summary>
/// Eight rows by four columns of a product, for kernels. The fields have names, because what is indexed does not stay
/// in registers.
/// </summary>
internal struct RegisterTile<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public RegisterColumn<T> First, Second, Third, Fourth;

    /// <summary>
    /// This tile plus the outer product of <paramref name="rows"/> and b. Every element is one chain of sums and does
    /// not depend on its neighbours.
    /// </summary>
    public readonly RegisterTile<T> Plus(RegisterColumn<T> rows, T b0, T b1, T b2, T b3) => new()
    {
        First = First.Plus(rows, b0),
        Second = Second.Plus(rows, b1),
        Third = Third.Plus(rows, b2),
        Fourth = Fourth.Plus(rows, b3),
    };
}

/// <summary>Eight numbers in registers.</summary>
internal struct RegisterColumn<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>How many they are.</summary>
    public const int Rows = 8;

    public T R0, R1, R2, R3, R4, R5, R6, R7;

    /// <summary>Reads eight numbers that lie <paramref name="step"/> apart.</summary>
    public static RegisterColumn<T> Read(ArrayView<T> from, int at, int step) => new()
    {
        R0 = from[at],
        R1 = from[at + step],
        R2 = from[at + (2 * step)],
        R3 = from[at + (3 * step)],
        R4 = from[at + (4 * step)],
        R5 = from[at + (5 * step)],
        R6 = from[at + (6 * step)],
        R7 = from[at + (7 * step)],
    };

    /// <summary>
    /// This column plus x factor. ILGPU 1.5.3 has no fused multiply-add on OpenCL; compilers fuse the two by
    /// themselves.
    /// </summary>
    public readonly RegisterColumn<T> Plus(RegisterColumn<T> x, T factor) => new()
    {
        R0 = (x.R0 * factor) + R0,
        R1 = (x.R1 * factor) + R1,
        R2 = (x.R2 * factor) + R2,
        R3 = (x.R3 * factor) + R3,
        R4 = (x.R4 * factor) + R4,
        R5 = (x.R5 * factor) + R5,
        R6 = (x.R6 * factor) + R6,
        R7 = (x.R7 * factor) + R7,
    };

    /// <summary>Writes the eight numbers <paramref name="step"/> apart.</summary>
    public readonly void Write(ArrayView<T> to, int at, int step)
    {
        to[at] = R0;
        to[at + step] = R1;
        to[at + (2 * step)] = R2;
        to[at + (3 * step)] = R3;
        to[at + (4 * step)] = R4;
        to[at + (5 * step)] = R5;
        to[at + (6 * step)] = R6;
        to[at + (7 * step)] = R7;
    }
}
