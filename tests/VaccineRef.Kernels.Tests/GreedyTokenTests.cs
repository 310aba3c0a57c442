using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Testing;

namespace VaccineRef.Kernels.Tests;

/// <summary>
/// The choice of the largest logit on the processor and on every device: exact, so one expectation serves all.
/// </summary>
public sealed class GreedyTokenTests(GpuDevices gpus) : IClassFixture<GpuDevices>
{
    [Fact]
    public void Largest_logit_first_of_equals_and_minus_one_for_nan()
    {
        using var cpu = new CpuDevice(2);
        foreach (var device in gpus.All.Append<Device>(cpu))
            foreach (int columns in (int[])[1, 2, 7, 8, 9, 31, 300])
            {
                Require<float>(device, columns);
                Require<double>(device, columns);
            }
    }

    [Fact]
    public void Rows_without_columns_are_refused() =>
        Assert.Throws<ShapeException>(() => new GreedyToken<float>().Infer([new(3, 0)]));

    private static void Require<T>(Device device, int columns) where T : unmanaged, IFloatingPointIeee754<T>
    {
        double[][] rows = [.. Rows(columns)];
        using var run = new OpRun<T>(device, new GreedyToken<T>(), [new(rows.Length, columns)], []);
        Assert.Equal(rows.Select(Expected), run.Forward([[.. rows.SelectMany(row => row)]]));
    }

    /// <summary>
    /// Few different numbers, so that many are equal; both infinities; zeros of both signs; NaN at every end.
    /// </summary>
    private static IEnumerable<double[]> Rows(int columns)
    {
        var random = RandomStream.FromSeed((ulong)columns);
        for (int i = 0; i < 8; i++)
            yield return [.. Enumerable.Range(0, columns).Select(c => Math.Round(2 * random.At(i).Normal(c)))];
        yield return [.. Enumerable.Repeat(double.NegativeInfinity, columns)];
        yield return [.. Enumerable.Range(0, columns).Select(c => c % 2 == 0 ? -0.0 : 0.0)];
        foreach (int at in (int[])[0, columns / 2, columns - 1])
            yield return [.. Enumerable.Range(0, columns).Select(c => c == at ? double.NaN : double.PositiveInfinity)];
    }

    private static double Expected(double[] row) =>
        row.Any(double.IsNaN) ? -1 : Array.FindIndex(row, value => value == row.Max());
}
