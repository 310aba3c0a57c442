namespace VaccineRef.Laws;

/// <summary>Backward is the vector-Jacobian product of forward, and adds it.</summary>
internal static class DerivativeLaws
{
    // Sums of at most some thousand doubles, added in another order.
    public const double ReorderTolerance = 1e-12;

    // The step h = 6e-6 of central differences is about the cube root of double's eps. The truncation error is h^2
    // |f'''| / 6, which is 6e-12 |f'''|, and the rounding error is some eps of |f|, divided by h. In the domain |f'''|
    // stays below 1e3 |f'|; the worst case is the (1 / r)^2 of the norms at r = 0.3.
    private const double Step = 6e-6, DifferenceTolerance = 1e-7, RoundingsOfF = 4;

    public static void TransposedDerivative(OpTrial trial, Sizes sizes)
    {
        using var run = new OpRun<double>(trial.Device, trial.Op.Double(sizes), trial.Op, sizes);
        var x = trial.Op.Inputs(sizes);
        var u = Direction(run, sizes, "u");
        double rounding = RoundingsOfF * Math.ScaleB(1, -52) * u.Norm() * run.Forward(x).Norm() / Step;
        var dx = run.Backward(x, u);
        for (int i = 0; i < x.Length; i++)
        {
            var v = OpCase.Numbers(x[i].Length, sizes.Random().At("v").At(i));
            double length = Math.Max(1, v.Norm());
            double[][] Moved(double step) =>
                [.. x.Select((all, j) => j == i ? Numbers.Mix(1, all, step / length, v) : all)];
            var slope = Numbers.Mix(0.5 / Step, run.Forward(Moved(Step)), -0.5 / Step, run.Forward(Moved(-Step)));
            double expected = u.Dot(slope), actual = dx[i]!.Dot(v) / length;
            double allowed = (DifferenceTolerance * (1 + (u.Norm() * (1 + slope.Norm())))) + rounding;
            Require.Near(expected, actual, allowed, $"<u, J v> by input {i}");
        }
    }

    public static void LinearInDy(OpTrial trial, Sizes sizes)
    {
        using var run = new OpRun<double>(trial.Device, trial.Op.Double(sizes), trial.Op, sizes);
        var x = trial.Op.Inputs(sizes);
        run.Forward(x);
        double[] u = Direction(run, sizes, "u"), v = Direction(run, sizes, "v");
        var mixed = run.Backward(x, Numbers.Mix(2, u, -3, v));
        var (first, second) = (run.Backward(x, u), run.Backward(x, v));
        for (int i = 0; i < x.Length; i++)
            Relatively(Numbers.Mix(2, first[i]!, -3, second[i]!), mixed[i]!, ReorderTolerance * 100, $"gradient {i}");
    }

    public static void Adds(OpTrial trial, Sizes sizes)
    {
        using var run = new OpRun<double>(trial.Device, trial.Op.Double(sizes), trial.Op, sizes);
        var x = trial.Op.Inputs(sizes);
        run.Forward(x);
        var u = Direction(run, sizes, "u");
        var (once, twice) = (run.Backward(x, u), run.Backward(x, u, times: 2, start: 0.5));
        for (int i = 0; i < x.Length; i++)
            Relatively([.. once[i]!.Select(g => 0.5 + (2 * g))], twice[i]!, ReorderTolerance, $"gradient {i}");
    }

    public static void Unwanted(OpTrial trial, Sizes sizes)
    {
        using var run = new OpRun<double>(trial.Device, trial.Op.Double(sizes), trial.Op, sizes);
        var x = trial.Op.Inputs(sizes);
        run.Forward(x);
        var u = Direction(run, sizes, "u");
        var all = run.Backward(x, u);
        run.Backward(x, u, wants: _ => false);
        for (int i = 0; i < x.Length; i++)
            Require.Same(all[i]!, run.Backward(x, u, wants: j => j == i)[i]!, $"gradient {i} alone");
    }

    /// <summary>Standard normal numbers of the shape of the output.</summary>
    public static double[] Direction<T>(OpRun<T> run, Sizes sizes, string name)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        OpCase.Numbers(run.Output.Count, sizes.Random().At(name));

    /// <summary>Near, relative to the largest element expected.</summary>
    public static void Relatively(double[] expected, double[] found, double tolerance, string what) =>
        Require.Near(expected, found, tolerance * (1 + expected.Largest()), what);
}
