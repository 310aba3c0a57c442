using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Gpu;
using VaccineRef.Testing;

namespace VaccineRef.Kernels.Tests;

/// <summary>Products of few rows and of many, on every device, within the bound that GpuMatmul states.</summary>
public sealed class GpuMatmulTests(GpuDevices gpus) : IClassFixture<GpuDevices>
{
    public static TheoryData<int, int, int> Shapes => new()
    {
        { 1, 1, 1 }, { 1, 9, 70 }, { 3, 20, 5 }, { 8, 33, 40 }, { 9, 17, 21 }, { 20, 35, 3 }, { 2, 3, 0 }, { 10, 3, 0 },
        { 9, 9, 90 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Products_are_within_their_bound(int m, int n, int k)
    {
        foreach (var gpu in gpus.All)
            foreach (var x in ProductCase.Of(m, n, k))
            {
                double single = (k + 2) * (double)(float.BitIncrement(1) - 1);
                double twice = 2 * (k + 2) * (double.BitIncrement(1) - 1);
                x.Require(x.Run(gpu, new Product<float>(x)), 0, single, $"{gpu.Name}, float");
                x.Require(x.Run(gpu, new Product<double>(x)), 0, twice, $"{gpu.Name}, double");
            }
    }

    private sealed class Product<T>(ProductCase x) : Routine<T>, IGpuRoutine<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public override string Name => "Product";

        public override double Run(CpuFrame<T> f) => throw new NotSupportedException();

        public double Run(GpuFrame<T> f)
        {
            GpuMatmul.Multiply(
                f, T.CreateChecked(ProductCase.Alpha), new(f.X(0), x.TransposeA), new(f.X(1), x.TransposeB), f.X(2),
                x.Accumulate);
            return 0;
        }
    }
}
