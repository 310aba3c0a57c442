using System.Numerics;

namespace VaccineRef.Core;

/// <summary>
/// A differentiable operation y = f(x_0, x_1, ...): shape rule, forward, and the vector-Jacobian product. Immutable; made once per
/// layer and used in every step. Its GPU kernels stand beside it in <c>Name.Gpu.cs</c>.
/// </summary>
/// <typeparam name="T">Element type: <c>float</c> trains, <c>double</c> proves.</typeparam>
public abstract class Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The name in messages, profiles and tables.</summary>
    public abstract string Name { get; }

    /// <summary>The shape of y. The only place where shapes are checked.</summary>
    /// <exception cref="ShapeException">The inputs do not fit.</exception>
    public abstract Shape Infer(ReadOnlySpan<Shape> x);

    /// <summary>The shape of y where the call has <paramref name="ids"/> ids: another only for an op that makes a row for each.</summary>
    /// <exception cref="ShapeException">The inputs do not fit.</exception>
    public virtual Shape Infer(ReadOnlySpan<Shape> x, int ids) => Infer(x);

    /// <summary>The shape of what forward keeps for backward (row statistics, ...); nothing by default.</summary>
    public virtual Shape Saved(ReadOnlySpan<Shape> x) => Shape.Empty;

    /// <summary>
    /// Whether backward reads the values of input <paramref name="input"/> to form the gradient of input
    /// <paramref name="gradient"/>: what nobody reads need not be kept. Its shape may be read in any case.
    /// </summary>
    public virtual bool Reads(int input, int gradient) => true;

    /// <summary>Whether backward reads the values of Y. Its shape may be read in any case.</summary>
    public virtual bool ReadsOutput => false;

    /// <summary>
    /// Whether forward costs little more than reading its inputs and writing y: then a tape may run it again in the
    /// reverse pass instead of keeping y (<see cref="Tape{T}.Release"/>).
    /// </summary>
    public virtual bool IsCheap => false;

    /// <summary>
    /// Whether backward can write the gradient of input <paramref name="input"/> instead of adding to it. Where nothing was
    /// added before, a frame says so by Adds, and nobody needs to clear the gradient: it comes uninitialised.
    /// </summary>
    public virtual bool Overwrites(int input) => false;

    /// <summary>
    /// Checks the ids against the shapes once, when the call is recorded: kernels do not check. Does nothing by default.
    /// </summary>
    /// <exception cref="ShapeException">An id is out of range or the count is wrong.</exception>
    public virtual void Check(ReadOnlySpan<Shape> x, ReadOnlySpan<int> ids)
    {
    }

    /// <summary>Reads X(i) and Ids; writes every element of Y and Saved, which come uninitialised.</summary>
    public abstract void Forward(CpuFrame<T> f);

    /// <summary>
    /// Reads X(i), Ids, Y (where <see cref="ReadsOutput"/>), Saved and Dy; adds into each Dx(i), or writes it where the
    /// frame does not add, skipping an empty one.
    /// </summary>
    public abstract void Backward(CpuFrame<T> f);
}
