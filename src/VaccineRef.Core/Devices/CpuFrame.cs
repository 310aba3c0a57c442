using System.Numerics;

namespace VaccineRef.Core;

/// <summary>
/// What a CPU kernel gets for one call: the operands, the team of threads, and memory that lasts until the call
/// returns.
/// </summary>
public sealed class CpuFrame<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Operands<T> _operands;
    private readonly Arena _scratch;

    internal CpuFrame(Operands<T> operands, Workers workers, Arena scratch) =>
        (_operands, Workers, _scratch) = (operands, workers, scratch);

    /// <summary>The team of threads, for parallel loops.</summary>
    public Workers Workers { get; }

    /// <summary>Number of inputs.</summary>
    public int Inputs => _operands.Inputs;

    /// <summary>The output.</summary>
    public View<T> Y => _operands.Y;

    /// <summary>What forward saves for backward.</summary>
    public View<T> Saved => _operands.Saved;

    /// <summary>The gradient of the loss with respect to Y.</summary>
    public View<T> Dy => _operands.Dy;

    /// <summary>Token ids, positions, labels or offsets.</summary>
    public ReadOnlyMemory<int> Ids => _operands.Ids;

    /// <summary>The random stream of this call, the same in forward and backward.</summary>
    public RandomStream Random => _operands.Random;

    /// <summary>The values of input <paramref name="i"/>.</summary>
    public View<T> X(int i) => _operands.X(i);

    /// <summary>The gradient of input <paramref name="i"/>; empty if nobody asked for it.</summary>
    public View<T> Dx(int i) => _operands.Dx(i);

    /// <summary>
    /// Whether the kernel must add to Dx(i). Otherwise Dx(i) is uninitialised and must be written
    /// (<see cref="Op{T}.Overwrites"/>).
    /// </summary>
    public bool Adds(int i) => _operands.Adds(i);

    /// <summary>Whether the call has an input <paramref name="i"/> and somebody asked for its gradient.</summary>
    public bool Wants(int i) => i < Inputs && !Dx(i).IsEmpty;

    /// <summary>
    /// Uninitialised memory that lasts until the end of this call. Must not be called inside a parallel loop.
    /// </summary>
    public View<T> Scratch(Shape shape) => _scratch.Allocate<T>(shape);

    /// <summary>As <see cref="Scratch"/>, for another element type.</summary>
    public View<TOther> Scratch<TOther>(Shape shape) where TOther : unmanaged => _scratch.Allocate<TOther>(shape);
}
