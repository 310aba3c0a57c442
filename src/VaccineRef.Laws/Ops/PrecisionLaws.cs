using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Laws;

/// <summary>Float, other devices and the equation itself give what double on the processor gives.</summary>
internal static class PrecisionLaws
{
    // Backward makes at most four times as many roundings as forward. They are of terms that are at most four times the
    // reference, since 1 / r stays below 3.2.
    private const double GradientRoundings = 16;

    private const double FloatEps = 1.0 / (1 << 23);

    // Scalars are slow.
    private const int MostScalarColumns = 11, MostScalarHeads = 5;

    public static void Float(OpTrial trial, Sizes sizes)
    {
        if (trial.Device is not CpuDevice)
            throw new NotOfferedException(
                "the law \"device\" compares both precisions of this device with the processor");
        double eps = trial.Op.Eps(sizes) * FloatEps;
        Compare(trial, trial.Op.Single(sizes), sizes, eps, (eps + FloatEps) * GradientRoundings);
    }

    /// <summary>If the device computes in double too, either result may have rounding errors.</summary>
    public static void OnDevice(OpTrial trial, Sizes sizes)
    {
        if (trial.Device is CpuDevice)
            throw new NotOfferedException("this device is the processor");
        double eps = 2 * (trial.Op.Eps(sizes) + 1), inDouble = eps * (double.BitIncrement(1) - 1),
            inFloat = eps * FloatEps;
        Compare(trial, trial.Op.Double(sizes), sizes, inDouble, inDouble * GradientRoundings);
        Compare(trial, trial.Op.Single(sizes), sizes, inFloat, inFloat * GradientRoundings);
    }

    public static void Oracle(OpTrial trial, Sizes large)
    {
        if (trial.Op.Expression is not { } expression)
            throw new NotOfferedException("the op's case has no Expression");
        var sizes = large with { C = 1 + (large.C % MostScalarColumns), H = 1 + (large.H % MostScalarHeads) };
        using var run = new OpRun<double>(trial.Device, trial.Op.Double(sizes), trial.Op, sizes);
        var x = trial.Op.Inputs(sizes);
        var (y, u) = (run.Forward(x), DerivativeLaws.Direction(run, sizes, "u"));
        var dx = run.Backward(x, u);
        var shapes = trial.Op.Shapes(sizes);
        var leaves = x.Select((values, i) => Matrix(shapes[i], values)).ToArray();
        Scalar[] expected = [.. expression(sizes)(leaves, trial.Op.Ids(sizes)).Cast<Scalar>()];
        double[] values = [.. expected.Select(scalar => scalar.Value)];
        DerivativeLaws.Relatively(values, y, DerivativeLaws.ReorderTolerance, "y");
        Scalar.Sum(expected.Zip(u, (scalar, weight) => weight * scalar)).Backward();
        for (int i = 0; i < x.Length; i++)
        {
            double[] gradient = [.. leaves[i].Cast<Scalar>().Select(leaf => leaf.Gradient)];
            DerivativeLaws.Relatively(gradient, dx[i]!, DerivativeLaws.ReorderTolerance, $"gradient {i}");
        }
    }

    /// <summary>
    /// Compares the op in T on its device with the op in double on the processor. The bounds are relative to the larger
    /// of |y| and y made of |x|, and so for the gradients.
    /// </summary>
    private static void Compare<T>(OpTrial trial, Op<T> op, Sizes sizes, double forward, double backward)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var cpu = new CpuDevice(1);
        using var run = new OpRun<T>(trial.Device, op, trial.Op, sizes);
        using var exact = new OpRun<double>(cpu, trial.Op.Double(sizes), trial.Op, sizes);
        var x = trial.Op.Inputs(sizes);
        double[][] positive = [.. x.Select(Numbers.Absolute)];
        double[] u = [.. DerivativeLaws.Direction(exact, sizes, "u").Select(value => (double)(float)value)];
        double scale = Math.Max(x.Length == 0 ? 0 : x[0].Largest(), exact.Forward(positive).Largest());
        var scales = exact.Backward(positive, u.Absolute());
        var y = exact.Forward(x);
        Require.Near(y, run.Forward(x), forward * Math.Max(scale, y.Largest()), $"y in {Name<T>()}");
        var (dx, found) = (exact.Backward(x, u), run.Backward(x, u));
        for (int i = 0; i < x.Length; i++)
        {
            double reference = Math.Max(u.Largest(), Math.Max(scales[i]!.Largest(), dx[i]!.Largest()));
            Require.Near(dx[i]!, found[i]!, backward * reference, $"gradient {i} in {Name<T>()}");
        }
    }

    private static string Name<T>() => typeof(T) == typeof(double) ? "double" : "float";

    private static Scalar[,] Matrix(Shape shape, double[] values)
    {
        var matrix = new Scalar[shape.Rows, shape.Columns];
        for (int i = 0; i < values.Length; i++)
            matrix[i / shape.Columns, i % shape.Columns] = values[i];
        return matrix;
    }
}
