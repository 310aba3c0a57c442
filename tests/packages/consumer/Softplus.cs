using System.Numerics;
using VaccineRef.Core;

/// <summary>y = log(1 + e^x); dx = dy / (1 + e^-x). An op that the library does not have.</summary>
public sealed class Softplus<T> : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public override string Name => "Softplus";

    public override Shape Infer(ReadOnlySpan<Shape> x) =>
        x.Length == 1 ? x[0] : throw new ShapeException(Name, x.ToArray(), "one input");

    public override bool Reads(int input, int gradient) => true;

    public override void Forward(CpuFrame<T> f)
    {
        Span<T> x = f.X(0).Span, y = f.Y.Span;
        for (int i = 0; i < x.Length; i++)
            y[i] = T.Max(x[i], T.Zero) + T.LogP1(T.Exp(-T.Abs(x[i])));
    }

    public override void Backward(CpuFrame<T> f)
    {
        if (!f.Wants(0))
            return;
        Span<T> x = f.X(0).Span, dy = f.Dy.Span, dx = f.Dx(0).Span;
        for (int i = 0; i < x.Length; i++)
            dx[i] += dy[i] / (T.One + T.Exp(-x[i]));
    }
}
