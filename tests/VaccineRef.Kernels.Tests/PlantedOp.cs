using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels.Tests;

/// <summary>What is wrong with a <see cref="PlantedOp{T}"/>.</summary>
public enum Planted
{
    Nothing,
    GradientTwice,
    WrongSign,
    Forgets,
    SquaresDy,
    SkipsAll,
    ChangesInput,
    WritesBeyond,
    LeavesUnwritten,
    Coarse,
    CountsThreads,
    TakesAnyShape,
    NamesNothing,
    HidesWhatItReads,
    ClaimsToOverwrite,
    OtherEquation,
}

/// <summary>y = x w, element by element, as somebody outside might define an op; with a defect, or without.</summary>
internal sealed unsafe class PlantedOp<T>(Planted defect) : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public override string Name => "PlantedProduct";

    public override Shape Infer(ReadOnlySpan<Shape> x) => defect switch
    {
        Planted.TakesAnyShape => x.Length > 0 ? x[0] : new(1, 1),
        Planted.NamesNothing when x.Length != 2 || x[0] != x[1] =>
            throw new ShapeException("op", "something", "something else"),
        _ => x.Length == 2 && x[0] == x[1] ? x[0] : throw new ShapeException(Name, x, "two matrices of one shape"),
    };

    public override bool Reads(int input, int gradient) => defect != Planted.HidesWhatItReads && input != gradient;

    public override bool Overwrites(int input) => defect == Planted.ClaimsToOverwrite;

    public override void Forward(CpuFrame<T> f)
    {
        Span<T> x = f.X(0).Span, w = f.X(1).Span, y = f.Y.Span;
        T factor = T.CreateChecked(defect == Planted.OtherEquation ? 1.01 : 1);
        int end = defect == Planted.LeavesUnwritten ? y.Length - 1 : y.Length;
        for (int i = 0; i < end; i++)
            y[i] = Rounded(factor * x[i] * w[i]);
        if (defect == Planted.ChangesInput && x.Length > 0)
            x[0] += T.One;
        if (defect == Planted.WritesBeyond)
            f.Y.Address[y.Length] = T.Zero;
        if (defect == Planted.CountsThreads && y.Length > 0)
            y[0] += T.CreateChecked(f.Workers.Threads - 1);
    }

    public override void Backward(CpuFrame<T> f)
    {
        if (defect == Planted.SkipsAll && !(f.Wants(0) && f.Wants(1)))
            return;
        for (int input = 0; input < 2; input++)
            if (f.Wants(input))
                Back(f.Dy.Span, f.X(1 - input).Span, f.Dx(input).Span, input);
    }

    private void Back(ReadOnlySpan<T> dy, ReadOnlySpan<T> other, Span<T> dx, int input)
    {
        for (int i = 0; i < dx.Length; i++)
        {
            T gradient = dy[i] * other[i] * T.CreateChecked(defect switch
            {
                Planted.GradientTwice => 2,
                Planted.WrongSign when input == 1 => -1,
                Planted.OtherEquation => 1.01,
                _ => 1,
            });
            if (defect == Planted.SquaresDy)
                gradient *= dy[i];
            dx[i] = defect == Planted.Forgets ? gradient : dx[i] + gradient;
        }
    }

    private T Rounded(T value) => defect == Planted.Coarse && typeof(T) == typeof(float)
        ? T.CreateChecked((double)(Half)double.CreateChecked(value))
        : value;
}
