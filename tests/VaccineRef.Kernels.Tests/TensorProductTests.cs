using VaccineRef.Core;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels.Tests;

/// <summary>
/// The product on tensor cores, whole, on ILGPU's simulator with groups of 256 threads, where what stands in for the
/// instruction follows the tables of the PTX ISA and knows nothing of the kernel's layout; held to the bound that
/// GpuMatmul states.
/// </summary>
public sealed class TensorProductTests : IDisposable
{
    private const double Eps = 1.0 / (1 << 23);

    private readonly GpuDevice _gpu = Devices.Simulate(32, 8, MatmulPrecision.BFloat16);

    public static TheoryData<int, int, int> Shapes => new()
    {
        { 1, 1, 1 }, { 17, 9, 33 }, { 128, 128, 32 }, { 131, 5, 20 }, { 3, 130, 7 },
    };

    public void Dispose() => _gpu.Dispose();

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Products_are_within_their_bound(int m, int n, int k)
    {
        foreach (var x in ProductCase.Of(m, n, k).Where(x => x.Accumulate == x.TransposeB))
        {
            Check<EmulatedBFloat16>(x, 1.0 / (1 << 8));
            Check<EmulatedTf32>(x, 1.0 / (1 << 11));
        }
    }

    [Fact]
    public void Splits_are_added_in_their_order() =>
        Check<EmulatedBFloat16>(new(2, 3, 530, false, true, true), 1.0 / (1 << 8));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_weight_in_bfloat16_is_multiplied_as_it_is(bool transposeB)
    {
        var x = new ProductCase(5, 19, 37, false, transposeB, true);
        using var arena = new Arena(_gpu);
        var weight = arena.Allocate<ushort>(transposeB ? new(x.N, x.K) : new(x.K, x.N));
        var bits = new ushort[x.N * x.K];
        BFloat16.Narrow<double>(x.B, bits);
        _gpu.Upload<ushort>(bits, weight);
        double[] full = x.Run(_gpu, new Product<EmulatedBFloat16>(x));
        double[] frozen = x.Run(_gpu, new FrozenProduct(weight, x));
        Assert.Equal(full, frozen);
    }

    [Fact]
    public void Doubles_are_refused()
    {
        using var arena = new Arena(_gpu);
        View<double> Matrix() => arena.Allocate<double>(new(2, 2), clear: true);
        var product = new AddProduct<double>(1);
        var error = Assert.Throws<InputException>(() => _gpu.Run(product, Matrix(), Matrix(), Matrix()));
        Assert.Contains("--precision float", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(MatmulPrecision.Tf32)]
    [InlineData(MatmulPrecision.BFloat16)]
    public void Devices_without_tensor_cores_are_refused(MatmulPrecision precision)
    {
        var opencl = Devices.List()
            .Where(gpu => gpu.Unusable is null && gpu.Name.StartsWith("opencl", StringComparison.Ordinal));
        foreach (string name in opencl.Select(gpu => gpu.Name).Concat(["cpu", "ilgpu-cpu"]))
        {
            var error = Assert.Throws<InputException>(() => Devices.Open(name, precision: precision));
            Assert.Contains("tensor cores", error.Message, StringComparison.Ordinal);
            string option = precision == MatmulPrecision.Tf32 ? "--matmul tf32" : "--matmul bf16";
            Assert.Contains(option, error.Message, StringComparison.Ordinal);
        }
    }

    private void Check<TCore>(ProductCase x, double u) where TCore : struct, ITensorCore => x.Require(
        x.Run(_gpu, new Product<TCore>(x)), (2 * u) + (u * u), 2 * (x.K + 4) * Eps, typeof(TCore).Name);

    private sealed class Product<TCore>(ProductCase shape) : Routine<float>, IGpuRoutine<float>
        where TCore : struct, ITensorCore
    {
        public override string Name => "Product";

        public override double Run(CpuFrame<float> f) => throw new NotSupportedException();

        public double Run(GpuFrame<float> f)
        {
            var x = new GpuProduct(shape.M, shape.N, shape.K, shape.TransposeA, shape.TransposeB);
            GpuTensorProduct<GpuElements<float>, GpuElements<float>, TCore>.Run(
                f, x, new(f.X(0)), new(f.X(1)), f.X(2), (float)ProductCase.Alpha, shape.Accumulate);
            return 0;
        }
    }

    /// <summary>
    /// The same with B narrowed in memory before, which then is as exact as what is narrowed on its way.
    /// </summary>
    private sealed class FrozenProduct(View<ushort> weight, ProductCase shape) : Routine<float>, IGpuRoutine<float>
    {
        public override string Name => "FrozenProduct";

        public override double Run(CpuFrame<float> f) => throw new NotSupportedException();

        public double Run(GpuFrame<float> f)
        {
            var x = new GpuProduct(shape.M, shape.N, shape.K, false, shape.TransposeB);
            GpuTensorProduct<GpuElements<float>, GpuBFloat16<float>, EmulatedBFloat16>.Run(
                f, x, new(f.X(0)), new(f.View(weight)), f.X(2), (float)ProductCase.Alpha, shape.Accumulate);
            return 0;
        }
    }
}
