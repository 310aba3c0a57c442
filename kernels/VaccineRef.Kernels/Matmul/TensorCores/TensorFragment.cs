namespace VaccineRef.Kernels;

/// <summary>
/// Tells which part of a 16 x 8 piece of C = A B each of the 32 lanes of a warp holds while tensor cores multiply: A in
/// four registers of 32 bits, B in two, C in four. A register holds one word of its operand: one element in TF32, or
/// two neighbours along k in bfloat16, the first of them in the lower half. Counted in words, A is 16 x 8 and B is 8 x
/// 8 in either precision, and their layouts are the same. Source: PTX ISA, fragments of mma.m16n8k8 with .tf32 and of
/// mma.m16n8k16 with .bf16.
/// </summary>
internal static class TensorFragment
{
    /// <summary>The number of threads that multiply together.</summary>
    public const int Lanes = 32;

    /// <summary>The rows of A and C, the columns of B and C, and the words in a row of A or a column of B.</summary>
    public const int Rows = 16, Columns = 8, Words = 8;

    /// <summary>The row of A that a register holds.</summary>
    public static int RowA(int lane, int register) => (lane / 4) + (8 * (register % 2));

    /// <summary>The word of A's row that a register holds.</summary>
    public static int WordA(int lane, int register) => (lane % 4) + (4 * (register / 2));

    /// <summary>The column of B that both registers hold.</summary>
    public static int ColumnB(int lane) => lane / 4;

    /// <summary>The word of B's column that a register holds.</summary>
    public static int WordB(int lane, int register) => (lane % 4) + (4 * register);

    /// <summary>The row of C that a register holds.</summary>
    public static int RowC(int lane, int register) => (lane / 4) + (8 * (register / 2));

    /// <summary>The column of C that a register holds.</summary>
    public static int ColumnC(int lane, int register) => (2 * (lane % 4)) + (register % 2);
}
