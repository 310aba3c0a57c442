using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// The rows of a batch whose hidden embeddings somebody reads: those that predict a counted token, or the last of each
/// prompt. From the last attention on no row sees another, so the others stop there; their gradients are zero.
/// </summary>
/// <param name="Rows">Row numbers, ascending; null for all.</param>
/// <param name="Of">Rows of the batch, N.</param>
internal readonly record struct WantedRows<T>(int[]? Rows, int Of) where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Embedding<T> Gather = new();

    /// <summary>x (N, C) to its wanted rows (M, C).</summary>
    public Tensor<T> Take(Pass<T> pass, Tensor<T> x) => Rows is null ? x : pass.Tape.Apply(Gather, [x], Rows);

    /// <summary>
    /// Shows the tap a site's wanted rows (M, C) in their places among all rows (N, C); what nobody wants is zero
    /// there, and whatever the tap makes of it is dropped.
    /// </summary>
    public Tensor<T> At(Pass<T> pass, Site site, Tensor<T> hidden) =>
        Rows is null || !pass.Tap.ListensTo(site.Kind)
            ? pass.Tap.At(site, hidden, pass)
            : Take(pass, pass.Tap.At(site, pass.Tape.Apply(new Scatter<T>(Of), [hidden], Rows), pass));

    /// <summary>x + branch, the residual connection; on its way the tap is shown the branch, which nobody uses after it.</summary>
    public Tensor<T> Residual(Pass<T> pass, Add<T> add, Tensor<T> x, Site site, Tensor<T> branch)
    {
        var moved = At(pass, site, branch);
        x = pass.Tape.Apply(add, [x, moved]);
        pass.Release(site.Kind, branch, moved);
        return x;
    }
}
