using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y = silu(gate) up, where silu(g) = g s and s = 1 / (1 + exp(-g)). X: gate and up, (N, F). Y: (N, F). Backward: dgate
/// = dy up s (1 + g (1 - s)) and dup = dy silu(gate). Error against double: 8 eps of |y|, plus |gate up| times the
/// smallest normal number, because an s below that number becomes 0. NaN stays in its element; gate = -infinity gives
/// NaN. Source: Hugging Face modeling_llama.py, LlamaMLP; Shazeer, arXiv 2002.05202, eq. 5.
/// </summary>
public sealed partial class SwiGlu<T> : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "SwiGlu";

    /// <inheritdoc/>
    public override bool IsCheap => true;

    /// <inheritdoc/>
    public override bool Overwrites(int input) => true;

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) =>
        x is [var gate, var up] && gate == up ? gate : throw new ShapeException(Name, x, "gate (N, F) and up (N, F)");

    /// <inheritdoc/>
    public override unsafe void Forward(CpuFrame<T> f)
    {
        View<T> gate = f.X(0), up = f.X(1), y = f.Y;
        f.Workers.Blocks(checked((int)y.Shape.Count), BlockSizes.Strip, (start, end) =>
        {
            T* gates = gate.Address, ups = up.Address, to = y.Address;
            for (int i = start; i < end; i += Vector<T>.Count)
            {
                int lanes = end - i;
                var g = VectorMath.Load(gates + i, lanes);
                var u = VectorMath.Load(ups + i, lanes);
                VectorMath.Store(g * VectorMath.Sigmoid(g) * u, to + i, lanes);
            }
        });
    }

    /// <inheritdoc/>
    public override unsafe void Backward(CpuFrame<T> f)
    {
        View<T> gate = f.X(0), up = f.X(1), dy = f.Dy, dgate = f.Dx(0), dup = f.Dx(1);
        bool addsToGate = f.Adds(0), addsToUp = f.Adds(1);
        f.Workers.Blocks(checked((int)dy.Shape.Count), BlockSizes.Strip, (start, end) =>
        {
            T* gates = gate.Address, ups = up.Address, slopes = dy.Address, toGate = dgate.Address, toUp = dup.Address;
            for (int i = start; i < end; i += Vector<T>.Count)
            {
                int lanes = end - i;
                Vector<T> g = VectorMath.Load(gates + i, lanes), d = VectorMath.Load(slopes + i, lanes);
                var s = VectorMath.Sigmoid(g);
                if (!dup.IsEmpty)
                    Put(d, g * s, toUp + i, lanes, addsToUp);
                if (!dgate.IsEmpty)
                {
                    var slope = VectorMath.MultiplyAdd(g * (Vector<T>.One - s), s, s);          // s g (1 - s) + s
                    Put(d, slope * VectorMath.Load(ups + i, lanes), toGate + i, lanes, addsToGate);
                }
            }
        });
    }

    /// <summary>Writes x y to memory, or adds it to what is there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void Put(Vector<T> x, Vector<T> y, T* to, int lanes, bool adds) =>
        VectorMath.Store(adds ? VectorMath.MultiplyAdd(x, y, VectorMath.Load(to, lanes)) : x * y, to, lanes);
}
