using ILGPU.Runtime.Cuda;

namespace VaccineRef.Kernels;

/// <summary>
/// Tensor cores of CUDA from sm_80 on, in TF32: one element to a word, rounded to nearest with ties away from zero.
/// </summary>
internal readonly struct TensorCoreTf32 : ITensorCore
{
    private const string Add = "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 ";
    private const string Left = ", {%0, %1, %2, %3}, {%4, %5}, ", Right = ", {%0, %1, %2, %3}, {%6, %7}, ";

    public int PerWord => 1;

    public uint Word(float first, float second)
    {
        CudaAsm.Emit("cvt.rna.tf32.f32 %0, %1;", out uint word, first);
        return word;
    }

    public void Clear() => TensorSums.Clear();

    public void AddToRow0(TensorWords a, TensorWords left, TensorWords right)
    {
        CudaAsm.Emit(
            Add + TensorSums.P0 + Left + TensorSums.P0 + "; " + Add + TensorSums.P1 + Right + TensorSums.P1 + ";",
            a.X, a.Y, a.Z, a.W, left.X, left.Y, left.Z, left.W);
        CudaAsm.Emit(
            Add + TensorSums.P2 + Left + TensorSums.P2 + "; " + Add + TensorSums.P3 + Right + TensorSums.P3 + ";",
            a.X, a.Y, a.Z, a.W, right.X, right.Y, right.Z, right.W);
    }

    public void AddToRow1(TensorWords a, TensorWords left, TensorWords right)
    {
        CudaAsm.Emit(
            Add + TensorSums.P4 + Left + TensorSums.P4 + "; " + Add + TensorSums.P5 + Right + TensorSums.P5 + ";",
            a.X, a.Y, a.Z, a.W, left.X, left.Y, left.Z, left.W);
        CudaAsm.Emit(
            Add + TensorSums.P6 + Left + TensorSums.P6 + "; " + Add + TensorSums.P7 + Right + TensorSums.P7 + ";",
            a.X, a.Y, a.Z, a.W, right.X, right.Y, right.Z, right.W);
    }

    public void AddToRow2(TensorWords a, TensorWords left, TensorWords right)
    {
        CudaAsm.Emit(
            Add + TensorSums.P8 + Left + TensorSums.P8 + "; " + Add + TensorSums.P9 + Right + TensorSums.P9 + ";",
            a.X, a.Y, a.Z, a.W, left.X, left.Y, left.Z, left.W);
        CudaAsm.Emit(
            Add + TensorSums.P10 + Left + TensorSums.P10 + "; " + Add + TensorSums.P11 + Right + TensorSums.P11 + ";",
            a.X, a.Y, a.Z, a.W, right.X, right.Y, right.Z, right.W);
    }

    public void AddToRow3(TensorWords a, TensorWords left, TensorWords right)
    {
        CudaAsm.Emit(
            Add + TensorSums.P12 + Left + TensorSums.P12 + "; " + Add + TensorSums.P13 + Right + TensorSums.P13 + ";",
            a.X, a.Y, a.Z, a.W, left.X, left.Y, left.Z, left.W);
        CudaAsm.Emit(
            Add + TensorSums.P14 + Left + TensorSums.P14 + "; " + Add + TensorSums.P15 + Right + TensorSums.P15 + ";",
            a.X, a.Y, a.Z, a.W, right.X, right.Y, right.Z, right.W);
    }

    public TensorRow Sums(int row) => TensorSums.Read(row);
}
