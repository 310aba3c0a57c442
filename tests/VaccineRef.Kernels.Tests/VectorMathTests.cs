using System.Numerics;

namespace VaccineRef.Kernels.Tests;

/// <summary>
/// The bounds that ops derive theirs from: e^x and the sigmoid, against double or, in double, the standard library.
/// </summary>
public sealed class VectorMathTests
{
    private const float SmallestNormal = 1.17549435e-38f;
    private const double StandardLibrary = 1;       // ulps that Math.Exp itself may be off

    [Fact]
    public void Exp_is_within_two_eps_in_float()
    {
        for (float x = -87.3f; x < 80; x += 1.37e-4f)
            Near(Math.Exp(x), VectorMath.Exp(Vector.Create(x))[0], 2, 1.0 / (1 << 23), x);
    }

    [Fact]
    public void Exp_is_within_two_eps_in_double()
    {
        for (double x = -708.3; x < 80; x += 7.31e-4)
            Near(Math.Exp(x), VectorMath.Exp(Vector.Create(x))[0], 2 + StandardLibrary, Math.ScaleB(1, -52), x);
    }

    [Fact]
    public void Sigmoid_is_within_four_eps_and_does_not_overflow()
    {
        for (float x = -87.3f; x < 200; x += 1.61e-4f)
            Near(1 / (1 + Math.Exp(-x)), VectorMath.Sigmoid(Vector.Create(x))[0], 4, 1.0 / (1 << 23), x);
        Assert.Equal(0, VectorMath.Sigmoid(Vector.Create(-1e30f))[0]);
        Assert.Equal(0, VectorMath.Sigmoid(Vector.Create(double.NegativeInfinity))[0]);
        Assert.Equal(1, VectorMath.Sigmoid(Vector.Create(double.PositiveInfinity))[0]);
        Assert.True(double.IsNaN(VectorMath.Sigmoid(Vector.Create(double.NaN))[0]));
    }

    [Fact]
    public void What_is_no_normal_number_is_zero_and_leaves_its_neighbours_alone()
    {
        var lanes = new float[Vector<float>.Count];
        Array.Fill(lanes, 0.5f);
        float alone = VectorMath.Exp(new Vector<float>(lanes))[0];
        (lanes[^1], lanes[^2]) = (float.NegativeInfinity, float.NaN);
        var mixed = VectorMath.Exp(new Vector<float>(lanes));
        Assert.Equal(alone, mixed[0]);
        Assert.Equal(0, mixed[lanes.Length - 1]);
        Assert.True(float.IsNaN(mixed[lanes.Length - 2]));
        Assert.True(VectorMath.Exp(Vector.Create(-87.3f))[0] >= SmallestNormal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(1000)]
    public void A_row_of_any_length_is_the_row_of_its_elements(int length)
    {
        float[] x = [.. Enumerable.Range(0, length).Select(i => MathF.Sin(i) * 9)], scaled = [.. x];
        VectorMath.ScaledExp<float>(scaled, 3, 0.5f);
        Assert.Equal([.. x.Select(value => VectorMath.Exp(Vector.Create(value - 3))[0] * 0.5f)], scaled);
        float[] taken = [.. x], expected = [.. x.Select(value => VectorMath.Exp(Vector.Create(value - 3))[0])];
        float sum = VectorMath.ExpAndSum<float>(taken, 3);
        Near(expected.Sum(value => (double)value), sum, length, 1.0 / (1 << 23), length);
        Assert.Equal(expected, taken);
    }

    private static void Near(double expected, double found, double roundings, double eps, double at) =>
        Assert.True(
            Math.Abs(expected - found) <= roundings * eps * expected,
            $"at {at:R}: {expected:R} expected, {found:R} found");
}
