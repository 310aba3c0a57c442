using System.Numerics;

namespace VaccineRef.Core;

/// <summary>What a CPU kernel sees of one call: its operands, the team of threads, and scratch memory that lasts for the call.</summary>
public sealed class CpuFrame<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Operands<T> _operands;
    private readonly Arena _scratch;

    internal CpuFrame(Operands<T> operands, Workers workers, Arena scratch) =>
        (_operands, Workers, _scratch) = (operands, workers, scratch);

    /// <summary>The team: <c>Workers.For</c>, <c>Workers.Blocks</c>.</summary>
    public Workers Workers { get; }

    /// <summary>Number of inputs.</summary>
    public int Inputs => _operands.Inputs;

    /// <summary>The output.</summary>
    public View<T> Y => _operands.Y;

    /// <summary>What forward keeps for backward.</summary>
    public View<T> Saved => _operands.Saved;

    /// <summary>Gradient of the loss with respect to Y.</summary>
    public View<T> Dy => _operands.Dy;

    /// <summary>Token ids, positions, labels or offsets.</summary>
    public ReadOnlyMemory<int> Ids => _operands.Ids;

    /// <summary>The random bits of this call.</summary>
    public RandomStream Random => _operands.Random;

    /// <summary>Input <paramref name="i"/>.</summary>
    public View<T> X(int i) => _operands.X(i);

    /// <summary>Gradient of input <paramref name="i"/>; empty where nobody asked for it.</summary>
    public View<T> Dx(int i) => _operands.Dx(i);

    /// <summary>Whether Dx(i) is to be added to: always, unless the op <see cref="Op{T}.Overwrites"/> it.</summary>
    public bool Adds(int i) => _operands.Adds(i);

    /// <summary>Whether input <paramref name="i"/> was given and its gradient is wanted.</summary>
    public bool Wants(int i) => i < Inputs && !Dx(i).IsEmpty;

    /// <summary>Uninitialised memory until the end of this call. Not for use inside a parallel body.</summary>
    public View<T> Scratch(Shape shape) => _scratch.Allocate<T>(shape);

    /// <summary>As <see cref="Scratch"/>, for another element type.</summary>
    public View<TOther> Scratch<TOther>(Shape shape) where TOther : unmanaged => _scratch.Allocate<TOther>(shape);
}
