using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels.Tests;

/// <summary>
/// One call of an op outside a tape. Every buffer has a fence of sentinels on both sides, and after each kernel the
/// fences and the inputs are compared with what they were. Outputs come filled with NaN, gradients with what the caller
/// says.
/// </summary>
internal sealed class OpCall<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Fence = 64;
    private static readonly T Sentinel = T.CreateChecked(12345.678);

    private readonly CpuDevice _device;
    private readonly Arena _arena;
    private readonly List<View<T>> _fenced = [];
    private readonly List<(View<T> View, T[] Values)> _constant = [];
    private readonly View<T>[] _x;
    private readonly int[] _ids;

    public OpCall(Op<T> op, (Shape Shape, double[] Values)[] x, int[] ids, int threads = 1)
    {
        (_device, _ids, Op) = (new CpuDevice(threads), ids, op);
        _arena = new Arena(_device);
        Shape[] shapes = [.. x.Select(input => input.Shape)];
        var shape = op.Infer(shapes);
        op.Check(shapes, ids);
        _x = [.. x.Select(input => Constant(input.Shape, input.Values))];
        Y = Allocate(shape, double.NaN);
        Saved = Allocate(op.Saved(shapes), double.NaN);
        var operands = Operands();
        for (int i = 0; i < _x.Length; i++)
            operands.Input(i, _x[i]);
        _device.Forward(op, operands);
        RequireUntouched();
    }

    public Op<T> Op { get; }

    public View<T> Y { get; }

    public View<T> Saved { get; }

    /// <summary>
    /// The gradients of the inputs, each having been <paramref name="initial"/> before; empty where not wanted.
    /// </summary>
    public View<T>[] Backward(double[] dy, Func<int, bool>? wants = null, double initial = 0)
    {
        var operands = Operands();
        operands.Dy = Constant(Y.Shape, dy);
        View<T>[] dx =
            [.. _x.Select((input, i) => wants?.Invoke(i) == false ? default : Allocate(input.Shape, initial))];
        for (int i = 0; i < _x.Length; i++)
            operands.Input(i, _x[i], dx[i]);
        _device.Backward(Op, operands);
        RequireUntouched();
        return dx;
    }

    public void Dispose()
    {
        _arena.Dispose();
        _device.Dispose();
    }

    private Operands<T> Operands()
    {
        var operands = new Operands<T>();
        operands.Begin(_x.Length, Y, Saved, _ids, default);
        return operands;
    }

    private View<T> Constant(Shape shape, double[] values)
    {
        var view = Allocate(shape, 0);
        for (int i = 0; i < values.Length; i++)
            view.Span[i] = T.CreateChecked(values[i]);
        _constant.Add((view, view.Span.ToArray()));
        return view;
    }

    private View<T> Allocate(Shape shape, double fill)
    {
        var all = _arena.Allocate<T>(Shape.Vector((int)shape.Count + (2 * Fence)));
        all.Span.Fill(Sentinel);
        _fenced.Add(all);
        var view = all.Slice(Fence, shape);
        view.Span.Fill(T.CreateChecked(fill));
        return view;
    }

    private void RequireUntouched()
    {
        foreach (var view in _fenced)
        {
            Assert.Equal(-1, view.Span[..Fence].IndexOfAnyExcept(Sentinel));
            Assert.Equal(-1, view.Span[^Fence..].IndexOfAnyExcept(Sentinel));
        }

        foreach (var (view, values) in _constant)
            Assert.True(view.Span.SequenceEqual(values), "an input was written to");
    }
}

/// <summary>Arrays for tests.</summary>
internal static class Arrays
{
    /// <summary>Standard normal numbers that single precision holds exactly.</summary>
    public static double[] Normal(RandomStream random, long count, double scale = 1) =>
        [.. Enumerable.Range(0, (int)count).Select(i => (double)(float)(scale * random.Normal(i)))];

    public static double[] Doubles<T>(this View<T> view) where T : unmanaged, IFloatingPointIeee754<T> =>
        [.. view.Span.ToArray().Select(double.CreateChecked)];

    /// <summary>The largest difference; NaN where a number is NaN.</summary>
    public static double Distance(double[] x, double[] y)
    {
        Assert.Equal(x.Length, y.Length);
        return x.Zip(y, (a, b) => Math.Abs(a - b)).DefaultIfEmpty().Aggregate(0.0, Math.Max);
    }

    public static double Largest(double[] x) => x.Select(Math.Abs).DefaultIfEmpty().Max();

    /// <summary>d(sum of u f(x)) / dx by central differences, for f that reads x from the given array.</summary>
    public static double[] Differences(double[] x, double[] u, Func<double[]> f, double h = 1e-5)
    {
        var gradient = new double[x.Length];
        for (int i = 0; i < x.Length; i++)
        {
            double kept = x[i];
            x[i] = kept + h;
            double above = f().Zip(u, (y, weight) => y * weight).Sum();
            x[i] = kept - h;
            double below = f().Zip(u, (y, weight) => y * weight).Sum();
            x[i] = kept;
            gradient[i] = (above - below) / (2 * h);
        }

        return gradient;
    }
}
