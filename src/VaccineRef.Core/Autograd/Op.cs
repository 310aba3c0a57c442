using System.Numerics;

namespace VaccineRef.Core;

/// <summary>
/// A differentiable operation y = f(x_0, x_1, ...): the rule for its shapes, the forward computation, and the backward
/// computation (the vector-Jacobian product). An op is immutable: a layer makes it once and uses it in every step. The
/// GPU kernels of an op are in the file <c>Name.Gpu.cs</c> beside it.
/// </summary>
/// <typeparam name="T">Element type: <c>float</c> for training, <c>double</c> for checking.</typeparam>
public abstract class Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The name in messages, profiles and tables.</summary>
    public abstract string Name { get; }

    /// <summary>The shape of y for inputs of these shapes. This is the only place where shapes are checked.</summary>
    /// <exception cref="ShapeException">The op cannot take these shapes.</exception>
    public abstract Shape Infer(ReadOnlySpan<Shape> x);

    /// <summary>Like the other overload, for an op whose result has one row for each of its ids.</summary>
    /// <exception cref="ShapeException">The op cannot take these shapes.</exception>
    public virtual Shape Infer(ReadOnlySpan<Shape> x, int ids) => Infer(x);

    /// <summary>
    /// The shape of what forward saves for backward, such as the statistics of each row. By default nothing.
    /// </summary>
    public virtual Shape Saved(ReadOnlySpan<Shape> x) => Shape.Empty;

    /// <summary>
    /// Whether backward reads the values of input <paramref name="input"/> in order to compute the gradient of input
    /// <paramref name="gradient"/>. Values that no backward reads need not stay in memory. Shapes may always be read.
    /// </summary>
    public virtual bool Reads(int input, int gradient) => true;

    /// <summary>Whether backward reads the values of y. Its shape may always be read.</summary>
    public virtual bool ReadsOutput => false;

    /// <summary>
    /// Whether forward costs little more than reading its inputs and writing y. A tape may then run it again in the
    /// reverse pass instead of keeping y in memory (<see cref="Tape{T}.Release"/>).
    /// </summary>
    public virtual bool IsCheap => false;

    /// <summary>
    /// Whether backward can write the gradient of input <paramref name="input"/> as well as add to it. If nothing has
    /// been added to that gradient yet, it then need not be set to zero first: <see cref="CpuFrame{T}.Adds"/> is false,
    /// and the kernel must write it.
    /// </summary>
    public virtual bool Overwrites(int input) => false;

    /// <summary>
    /// How many bytes of scratch a call of these shapes and ids takes on the processor at most. By default none.
    /// </summary>
    public virtual long ScratchBytes(Operands<T> operands) => 0;

    /// <summary>
    /// Checks the ids against the shapes. This is done once, when the call is recorded, so that kernels need not check.
    /// By default nothing is checked.
    /// </summary>
    /// <exception cref="ShapeException">An id is out of range, or there are too few or too many.</exception>
    public virtual void Check(ReadOnlySpan<Shape> x, ReadOnlySpan<int> ids)
    {
    }

    /// <summary>Reads X(i) and Ids, and writes every element of Y and Saved, which are uninitialised before.</summary>
    public abstract void Forward(CpuFrame<T> f);

    /// <summary>
    /// Reads X(i), Ids, Saved, Dy, and Y if <see cref="ReadsOutput"/> is set. Adds to each Dx(i) that is not empty, or
    /// writes it if the frame's Adds(i) is false.
    /// </summary>
    public abstract void Backward(CpuFrame<T> f);
}
