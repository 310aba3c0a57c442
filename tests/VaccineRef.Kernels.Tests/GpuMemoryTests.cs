using System.Reflection;
using ILGPU.Runtime;
using ILGPU.Runtime.OpenCL;
using VaccineRef.Core;
using VaccineRef.Gpu;
using VaccineRef.Testing;

namespace VaccineRef.Kernels.Tests;

/// <summary>Memory of every GPU device: counted, given back, and refused with the sizes that matter.</summary>
public sealed class GpuMemoryTests(GpuDevices gpus) : IClassFixture<GpuDevices>
{
    [Fact]
    public void More_than_there_is_names_what_was_asked_for_and_what_there_is()
    {
        foreach (var gpu in gpus.All)
        {
            var error = Assert.Throws<InputException>(() => gpu.Reserve(1L << 50));
            Assert.Contains($"{1 << 30} MiB asked for", error.Message, StringComparison.Ordinal);
            string used = $"of {gpu.MemoryBytes / 1048576.0:F0} MiB are in use";
            Assert.Contains(used, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Bytes_in_use_are_those_reserved_and_not_given_back()
    {
        foreach (var gpu in gpus.All)
        {
            long before = gpu.ReservedBytes;
            using (var buffer = gpu.Reserve(1000))
                Assert.Equal(before + 1000, gpu.ReservedBytes);
            Assert.Equal(before, gpu.ReservedBytes);
            Assert.True(gpu.PeakBytes >= before + 1000);
        }
    }

    [Fact]
    public void An_op_without_a_half_is_named_with_the_device()
    {
        foreach (var gpu in gpus.All)
        {
            using var tape = new Tape<float>(gpu);
            using var arena = new Arena(gpu);
            var x = tape.Constant(arena.Allocate<float>(new(2, 2), clear: true));
            var error = Assert.Throws<KernelMissingException>(() => tape.Apply(new HalfOp(), [x]));
            Assert.Contains("HalfOp", error.Message, StringComparison.Ordinal);
            Assert.Contains(gpu.Name, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_device_that_fails_is_named_with_what_noticed_and_what_to_do()
    {
        foreach (var gpu in gpus.All)
        {
            using var arena = new Arena(gpu);
            var x = arena.Allocate<float>(new(2, 2), clear: true);
            var error = Assert.Throws<DeviceLostException>(() => gpu.Run(new Lost(), x));
            foreach (string part in (string[])[gpu.Name, nameof(Lost), $"{CLError.CL_OUT_OF_RESOURCES}", "--device"])
                Assert.Contains(part, error.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>
    /// ILGPU does not look whether its accelerator is still there: whatever is asked of one that was ended is refused
    /// by name.
    /// </summary>
    [Fact]
    public void An_accelerator_that_was_ended_is_named_by_whatever_is_asked_of_it()
    {
        using var gpu = (GpuDevice)Devices.Open(Devices.Simulator);
        using var arena = new Arena(gpu);
        View<float> x = arena.Allocate<float>(new(2, 2), clear: true),
            y = arena.Allocate<float>(new(2, 2), clear: true);
        using var tape = new Tape<float>(gpu);
        var recorded = tape.Constant(x);
        Ilgpu(gpu).Dispose();
        Action[] asked =
        [
            () => gpu.Reserve(16), () => gpu.Upload<float>(new float[4], x), () => gpu.Download(x, new float[4]),
            () => gpu.Copy(x, y),
            () => gpu.Clear(x), () => gpu.Run(new SquaredNorm<float>(), x),
            () => tape.Apply(new Scale<float>(2), [recorded]),
        ];
        Assert.All(
            asked, ask => Assert.Contains(
                $"{gpu.Name} failed: it was ended", Assert.Throws<DeviceLostException>(ask).Message,
                StringComparison.Ordinal));
    }

    private static Accelerator Ilgpu(GpuDevice device) => (Accelerator)typeof(GpuDevice)
        .GetField("_accelerator", BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(device)!;

    [Theory]
    [InlineData(false, true, "generic address space")]
    [InlineData(true, false, "double")]
    [InlineData(true, true, null)]
    public void An_OpenCL_device_without_what_kernels_need_is_told_so(
        bool genericAddressSpace, bool doubles, string? why)
    {
        string? found = Devices.Unusable(genericAddressSpace, doubles);
        Assert.True(why is null ? found is null : found!.Contains(why, StringComparison.Ordinal));
    }

    private sealed class Lost : Routine<float>, IGpuRoutine<float>
    {
        public override string Name => nameof(Lost);

        public override double Run(CpuFrame<float> f) => 0;

        public double Run(GpuFrame<float> f) => throw new CLException(CLError.CL_OUT_OF_RESOURCES);
    }

    private sealed class HalfOp : Op<float>
    {
        public override string Name => "HalfOp";

        public override Shape Infer(ReadOnlySpan<Shape> x) => x[0];

        public override void Forward(CpuFrame<float> f) => f.X(0).Span.CopyTo(f.Y.Span);

        public override void Backward(CpuFrame<float> f)
        {
        }
    }
}
