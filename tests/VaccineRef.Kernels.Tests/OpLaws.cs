using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Testing;

namespace VaccineRef.Kernels.Tests;

/// <summary>
/// Laws that hold for every op. Each trial draws dimensions and a seed, and checks one law on every case of
/// <see cref="OpCases"/>. The names of the tests number the laws and say what they are. The other numbers are
/// elsewhere: law 4 (nothing but the outputs is written) is checked by <see cref="OpRun{T}"/> in every run, law 7 by
/// <see cref="GpuLaws"/>, law 10 by <see cref="OwnLaws"/>, and laws 11 and 12 by <see cref="BackwardLaws"/>.
/// </summary>
[Properties(Arbitrary = [typeof(SizesArbitrary)], MaxTest = 40)]
public sealed class OpLaws : IDisposable
{
    // The step h = 6e-6 of central differences is about the cube root of double's eps. The truncation error is h^2
    // |f'''| / 6, which is 6e-12 |f'''|, and the rounding error is some eps of |f|, divided by h. In the domain |f'''|
    // stays below 1e3 |f'|; the worst case is the (1 / r)^2 of the norms at r = 0.3.
    private const double Step = 6e-6, DifferenceTolerance = 1e-7, RoundingsOfF = 4;

    // Sums of at most some thousand doubles, added in another order.
    private const double ReorderTolerance = 1e-12;

    // Backward makes at most four times as many roundings as forward. They are of terms that are at most four times the
    // reference, since 1 / r stays below 3.2.
    private const double GradientRoundings = 16;

    private const double FloatEps = 1.0 / (1 << 23);

    private readonly CpuDevice _device = new(1), _team = new(4);

    public void Dispose()
    {
        _device.Dispose();
        _team.Dispose();
    }

    [Fact]
    public void Every_op_has_a_case()
    {
        var smallest = new Sizes(1, 1, 1, 1, 0);
        var covered = OpCases.All.Select(subject => subject.Double(smallest).GetType().Name[..^2]);
        var missing = typeof(Kernels.Add<>).Assembly.GetTypes()
            .Where(type => !type.IsAbstract && IsOp(type)).Select(type => type.Name[..^2])
            .Except(covered).Except(OpCases.Apart);
        Assert.Empty(missing);

        static bool IsOp(Type? type) =>
            type is not null && ((type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Op<>))
                || IsOp(type.BaseType));
    }

    [Property]
    public void Law_1_backward_is_the_transposed_derivative(Sizes sizes) => Every(sizes, subject =>
    {
        using var run = new OpRun<double>(_device, subject.Double(sizes), subject, sizes);
        var x = subject.Inputs(sizes);
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
            Near(expected, actual, allowed, $"<u, J v> by input {i}");
        }
    });

    [Fact]
    public void Law_1_holds_beyond_a_strip_of_columns() =>
        Law_1_backward_is_the_transposed_derivative(new(2, 4099, 3, 2, 7));

    [Fact]
    public void Law_1_holds_beyond_a_chunk_of_rows() =>
        Law_1_backward_is_the_transposed_derivative(new(150, 5, 3, 9, 8));

    [Property]
    public void Law_2_backward_is_linear_in_dy(Sizes sizes) => Every(sizes, subject =>
    {
        using var run = new OpRun<double>(_device, subject.Double(sizes), subject, sizes);
        var x = subject.Inputs(sizes);
        run.Forward(x);
        double[] u = Direction(run, sizes, "u"), v = Direction(run, sizes, "v");
        var mixed = run.Backward(x, Numbers.Mix(2, u, -3, v));
        var (first, second) = (run.Backward(x, u), run.Backward(x, v));
        for (int i = 0; i < x.Length; i++)
            Near(Numbers.Mix(2, first[i]!, -3, second[i]!), mixed[i]!, ReorderTolerance * 100, $"gradient {i}");
    });

    [Property]
    public void Law_3_backward_adds(Sizes sizes) => Every(sizes, subject =>
    {
        using var run = new OpRun<double>(_device, subject.Double(sizes), subject, sizes);
        var x = subject.Inputs(sizes);
        run.Forward(x);
        var u = Direction(run, sizes, "u");
        var (once, twice) = (run.Backward(x, u), run.Backward(x, u, times: 2, start: 0.5));
        for (int i = 0; i < x.Length; i++)
            Near([.. once[i]!.Select(g => 0.5 + (2 * g))], twice[i]!, ReorderTolerance, $"gradient {i}");
    });

    [Property]
    public void Law_5_an_unwanted_gradient_is_skipped_and_the_others_stay(Sizes sizes) => Every(sizes, subject =>
    {
        using var run = new OpRun<double>(_device, subject.Double(sizes), subject, sizes);
        var x = subject.Inputs(sizes);
        run.Forward(x);
        var u = Direction(run, sizes, "u");
        var all = run.Backward(x, u);
        run.Backward(x, u, wants: _ => false);
        for (int i = 0; i < x.Length; i++)
            Assert.Equal(all[i], run.Backward(x, u, wants: j => j == i)[i]);
    });

    [Property]
    public void Law_6_float_equals_double_within_the_stated_bound(Sizes sizes) => Every(sizes, subject =>
    {
        using var single = new OpRun<float>(_device, subject.Single(sizes), subject, sizes);
        using var exact = new OpRun<double>(_device, subject.Double(sizes), subject, sizes);
        var x = subject.Inputs(sizes);
        double[][] positive = [.. x.Select(Numbers.Absolute)];
        double[] u = [.. Direction(exact, sizes, "u").Select(value => (double)(float)value)];
        double eps = subject.Eps(sizes) * FloatEps;

        double scale = Math.Max(x[0].Largest(), exact.Forward(positive).Largest());
        var scales = exact.Backward(positive, u.Absolute());
        var y = exact.Forward(x);
        Near(y, single.Forward(x), eps * Math.Max(scale, y.Largest()), "y", absolute: true);
        var (dx, rounded) = (exact.Backward(x, u), single.Backward(x, u));
        for (int i = 0; i < x.Length; i++)
        {
            double reference = Math.Max(u.Largest(), Math.Max(scales[i]!.Largest(), dx[i]!.Largest()));
            double allowed = (eps + FloatEps) * GradientRoundings * reference;
            Near(dx[i]!, rounded[i]!, allowed, $"gradient {i}", absolute: true);
        }
    });

    [Property(MaxTest = 6)]
    public void Law_8_one_thread_and_many_give_the_same_bits(Sizes small) => Every(small.Enlarged(), subject =>
    {
        var sizes = small.Enlarged();
        var x = subject.Inputs(sizes);
        AssertSame(subject.Single(sizes));
        AssertSame(subject.Double(sizes));

        void AssertSame<T>(Op<T> op) where T : unmanaged, IFloatingPointIeee754<T>
        {
            using var one = new OpRun<T>(_device, op, subject, sizes);
            using var many = new OpRun<T>(_team, op, subject, sizes);
            Assert.Equal(one.Forward(x), many.Forward(x));
            var u = Direction(one, sizes, "u");
            Assert.Equal(one.Backward(x, u), many.Backward(x, u));
        }
    });

    [Property]
    public void Law_9_shapes_that_do_not_fit_are_named(Sizes sizes) => Every(sizes, subject =>
    {
        var op = subject.Double(sizes);
        var shapes = subject.Shapes(sizes);
        int ids = subject.Ids(sizes).Length;
        AssertRefused([]);
        AssertRefused([.. Enumerable.Repeat(new Shape(3, 5), 9)]);
        if (shapes.Length > 1)
            AssertRefused([.. shapes[..^1], shapes[^1] with { Columns = shapes[^1].Columns + 1 }]);

        void AssertRefused(Shape[] wrong)
        {
            var error = Assert.Throws<ShapeException>(() => op.Infer(wrong, ids));
            Assert.All(
                [op.Name, .. wrong.Select(shape => shape.ToString())],
                part => Assert.Contains(part, error.Message));
        }
    });

    [Property(MaxTest = 15)]
    public void The_scalar_oracle_agrees(Sizes large) => Every(large, subject =>
    {
        if (subject.Expression is null)
            return;
        var sizes = large with { C = 1 + (large.C % 11), H = 1 + (large.H % 5) };      // scalars are slow
        using var run = new OpRun<double>(_device, subject.Double(sizes), subject, sizes);
        var x = subject.Inputs(sizes);
        var (y, u) = (run.Forward(x), Direction(run, sizes, "u"));
        var dx = run.Backward(x, u);
        var leaves = x.Select((values, i) => Matrix(subject.Shapes(sizes)[i], values)).ToArray();
        Scalar[] expected = [.. subject.Expression(sizes)(leaves, subject.Ids(sizes)).Cast<Scalar>()];
        Near([.. expected.Select(scalar => scalar.Value)], y, ReorderTolerance, "y");
        Scalar.Sum(expected.Zip(u, (scalar, weight) => weight * scalar)).Backward();
        for (int i = 0; i < x.Length; i++)
        {
            double[] gradient = [.. leaves[i].Cast<Scalar>().Select(leaf => leaf.Gradient)];
            Near(gradient, dx[i]!, ReorderTolerance, $"gradient {i}");
        }
    });

    private static Scalar[,] Matrix(Shape shape, double[] values)
    {
        var matrix = new Scalar[shape.Rows, shape.Columns];
        for (int i = 0; i < values.Length; i++)
            matrix[i / shape.Columns, i % shape.Columns] = values[i];
        return matrix;
    }

    private static double[] Direction<T>(OpRun<T> run, Sizes sizes, string name)
        where T : unmanaged, IFloatingPointIeee754<T> => OpCase.Numbers(run.Output.Count, sizes.Random().At(name));

    private static void Every(Sizes sizes, Action<OpCase> law)
    {
        foreach (var subject in OpCases.All)
            try
            {
                law(subject);
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"{subject.Name}, {sizes}: {error.Message}", error);
            }
    }

    private static void Near(double expected, double actual, double tolerance, string what) =>
        Assert.True(
            Math.Abs(expected - actual) <= tolerance,
            $"{what}: {expected:R} expected, {actual:R} found, allowed {tolerance:E1}");

    private static void Near(double[] expected, double[] actual, double tolerance, string what, bool absolute = false)
    {
        Assert.Equal(expected.Length, actual.Length);
        double allowed = absolute ? tolerance : tolerance * (1 + expected.Largest());
        for (int i = 0; i < expected.Length; i++)
            Near(expected[i], actual[i], allowed, $"{what}[{i}]");
    }
}
