using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>Returns the index of the first element of X that is NaN or infinite, or -1 if there is none.</summary>
public sealed partial class FirstNonFinite<T> : Routine<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "FirstNonFinite";

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        var x = f.X(0);
        int first = int.MaxValue;
        var gate = new Lock();
        f.Workers.Blocks(checked((int)x.Shape.Count), BlockSizes.Sum, (start, end) =>
        {
            int found = Find(x.Span[start..end]);
            if (found < 0)
                return;
            lock (gate)
                first = Math.Min(first, start + found);
        });
        return first == int.MaxValue ? -1 : first;
    }

    /// <summary>
    /// Finds the first such element of a run. x * 0 is 0 for a finite x and NaN otherwise, and a NaN survives every
    /// addition.
    /// </summary>
    private static int Find(ReadOnlySpan<T> x)
    {
        int i = 0;
        var trace = Vector<T>.Zero;
        for (; i <= x.Length - Vector<T>.Count; i += Vector<T>.Count)
            trace += new Vector<T>(x[i..]) * Vector<T>.Zero;
        int from = T.IsNaN(Vector.Sum(trace)) ? 0 : i;
        for (i = from; i < x.Length; i++)
            if (!T.IsFinite(x[i]))
                return i;
        return -1;
    }
}
