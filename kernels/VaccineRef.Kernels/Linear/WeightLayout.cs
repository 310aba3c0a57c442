using VaccineRef.Core;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>How a checkpoint stores the weight of a linear layer.</summary>
public enum WeightLayout
{
    /// <summary>The weight is (out, in), as in torch.nn.Linear and almost every checkpoint.</summary>
    OutIn,

    /// <summary>The weight is (in, out), as in the Conv1D of GPT-2.</summary>
    InOut,
}

/// <summary>Presents the weight of a linear layer as (in, out), whichever way it is stored.</summary>
internal static class WeightLayouts
{
    /// <summary>The weight as (in, out).</summary>
    public static Matrix<T> InByOut<T>(this WeightLayout layout, View<T> w) where T : unmanaged =>
        layout == WeightLayout.OutIn ? w.Transposed() : w;

    /// <summary>The weight as (in, out).</summary>
    public static GpuMatrix<T> InByOut<T>(this WeightLayout layout, GpuView<T> w) where T : unmanaged =>
        new(w, isTransposed: layout == WeightLayout.OutIn);

    /// <summary>The shape (in, out) of a weight that is stored in <paramref name="w"/>.</summary>
    public static Shape InByOut(this WeightLayout layout, Shape w) =>
        layout == WeightLayout.OutIn ? new(w.Columns, w.Rows) : w;

    /// <summary>How messages write the weight and its shape.</summary>
    public static string Extents(this WeightLayout layout) =>
        layout == WeightLayout.OutIn ? "W (out, in)" : "W (in, out)";
}
