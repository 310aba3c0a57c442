using System.Collections.Concurrent;
using System.Numerics;
using System.Reflection;
using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using VaccineRef.Core;
using VaccineRef.Gpu;
using VaccineRef.Laws;

namespace VaccineRef.Kernels.Tests;

/// <summary>
/// Every kernel that the ops and routines launch on ILGPU's simulator, in float and double, is generated for machines
/// that are not here: PTX for sm_80 and sm_90, and OpenCL C. A failed compile poisons its context, so each kernel has
/// one of its own.
/// </summary>
public sealed class CodeGenerationTests
{
    private static readonly CudaArchitecture[] Architectures = [CudaArchitecture.SM_80, CudaArchitecture.SM_90];

    // What ILGPU would generate without complaint and a driver refuse; what would change its bits from run to run; and
    // dynamic shared memory, whose address OpenCL C keeps at program scope, for every group the same.
    private static readonly string[] Forbidden =
    [
        ".extern .func", "FusedMultiplyAdd", "atom.add.f", "red.add.f", "atom.global.add.f", "atom.shared.add.f",
        "atomic_",
        "dynamic_shared_memory",
    ];

    [Fact]
    public void Every_kernel_is_generated_for_cuda_and_opencl()
    {
        var kernels = Launched();
        Assert.NotEmpty(kernels);
        var wrong = new ConcurrentBag<string>();
        Parallel.ForEach(kernels, new ParallelOptions { MaxDegreeOfParallelism = 2 }, kernel =>
        {
            try
            {
                foreach (var (target, source, entry) in Sources(kernel))
                    foreach (string fault in Faults(source, entry))
                        wrong.Add($"{Title(kernel)}, {target}: {fault}");
            }
            catch (Exception error)
            {
                wrong.Add($"{Title(kernel)}: {error.GetBaseException().Message}");
            }
        });
        Assert.True(wrong.IsEmpty, string.Join(Environment.NewLine, wrong.Order()));
    }

    [Theory]
    [MemberData(nameof(TensorKernels))]
    public void Products_on_tensor_cores_multiply_by_mma(Type elements, Type core, string instruction)
    {
        var kernel = typeof(GpuTensorProduct<,,>).MakeGenericType(typeof(GpuElements<float>), elements, core)
            .GetMethod("Kernel", BindingFlags.Static | BindingFlags.NonPublic)!;
        foreach (var (_, source, entry) in Sources(kernel).Take(Architectures.Length))
        {
            Assert.Empty(Faults(source, entry));
            // Sixteen pieces, unrolled or not.
            Assert.Equal(0, Regex.Count(source, Regex.Escape($"{instruction} ")) % 16);
            Assert.Contains(instruction, source, StringComparison.Ordinal);
            // The sums' registers are the kernel's own.
            Assert.DoesNotContain(".func", source, StringComparison.Ordinal);
        }
    }

    public static TheoryData<Type, Type, string> TensorKernels => new(
        from elements in (Type[])[typeof(GpuElements<float>), typeof(GpuBFloat16<float>)]
        from core in ((Type, string)[])
        [
            (typeof(TensorCoreBFloat16), "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"),
            (typeof(TensorCoreTf32), "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32"),
        ]
        select (elements, core.Item1, core.Item2));

    private static IEnumerable<string> Faults(string source, string entry)
    {
        if (!source.Contains(entry, StringComparison.Ordinal))
            yield return $"has no '{entry}'";
        foreach (string text in Forbidden)
            if (source.Contains(text, StringComparison.Ordinal))
                yield return $"contains '{text}'";
    }

    private static IEnumerable<(string Target, string Source, string Entry)> Sources(MethodInfo kernel)
    {
        using var context = Context.Create(builder => builder.EnableAlgorithms());
        var entry = EntryPointDescription.FromExplicitlyGroupedKernel(kernel);
        foreach (var architecture in Architectures)
        {
            using var ptx = new PTXBackend(
                context, new CudaCapabilityContext(architecture), architecture, CudaInstructionSet.ISA_80, null!);
            yield return ($"{architecture}", ((PTXCompiledKernel)ptx.Compile(entry, default)).PTXAssembly, ".entry");
        }

        using var cl = new CLBackend(
            context, new CLCapabilityContext(true, true, true, true, true), CLDeviceVendor.Other, CLCVersion.CL30);
        yield return ("OpenCL C", ((CLCompiledKernel)cl.Compile(entry, default)).Source, "kernel void");
    }

    private static MethodInfo[] Launched()
    {
        using var gpu = (GpuDevice)Gpu.Devices.Open("ilgpu-cpu");
        foreach (int rows in (int[])[3, 10])
            foreach (var subject in OpCases.All)
            {
                var sizes = new Sizes(rows, 5, 3, 4, 1);
                Launch(gpu, subject.Single(sizes), subject, sizes);
                Launch(gpu, subject.Double(sizes), subject, sizes);
            }

        Launch<float>(gpu);
        Launch<double>(gpu);
        LaunchApart<float>(gpu);
        LaunchApart<double>(gpu);
        return [.. gpu.Kernels.Launched.Select(kernel => kernel.Method).Distinct()];
    }

    private static void Launch<T>(Device gpu, Op<T> op, OpCase subject, Sizes sizes)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var run = new OpRun<T>(gpu, op, subject, sizes);
        var x = subject.Inputs(sizes);
        run.Forward(x);
        run.Backward(x, new double[run.Output.Count]);
    }

    private static void Launch<T>(Device gpu) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var arena = new Arena(gpu);
        View<T>[] x = [.. Enumerable.Range(0, 7).Select(_ => arena.Allocate<T>(new(4, 4), clear: true))];
        var random = RandomStream.FromSeed(1);
        Routine<T>[] routines =
        [
            new FillNormal<T>(random), new FillUniform<T>(random, -1, 1), new AddSquares<T>(2), new ScaleInPlace<T>(2),
            new SquaredNorm<T>(), new FirstNonFinite<T>(), new AdamWStep<T>(0.1, 0.9, 0.999, 1e-8, 0, 1),
            new SgdStep<T>(0.1, 0, 0, false, 0, 1), new SgdStep<T>(0.1, 0.9, 0, true, 0, 1),
            new RmsPropStep<T>(0.1, 0.9, 1e-8, 0, 0),
            new RmsPropStep<T>(0.1, 0.9, 1e-8, 0.9, 0), new MuonStep<T>(0.1, 0.1, 0.9, true, 0),
            new AddProduct<T>(0.5), new AddScaled<T>(0.5), new MultiplyByMagnitude<T>(0.5), new ClipRows<T>(0.5),
            new Dot<T>(),
            new NarrowToBFloat16<T>(arena.Allocate<ushort>(new(4, 4))),
        ];
        foreach (var routine in routines)
            gpu.Run(routine, x);
    }

    private static void LaunchApart<T>(Device gpu) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var cache = new KeyValueCache<T>(
            gpu, layers: 1, sequences: 1, capacity: 3, keyValueHeads: 1, headSize: 2);
        var cached = new CachedAttention<T>(new CausalAttention<T>(1, 1, 2), cache, layer: 0);
        using var attention = new OpRun<T>(gpu, cached, [new(3, 2), new(3, 2), new(3, 2)], [0, 3]);
        attention.Forward([new double[6], new double[6], new double[6]]);
        using var arena = new Arena(gpu);
        foreach (int rows in (int[])[2, 10])                    // products of few rows and of many
        {
            var op = new FrozenLinear<T>(arena.Allocate<ushort>(new(2, 3), clear: true));
            using var frozen = new OpRun<T>(gpu, op, [new(rows, 3)], []);
            frozen.Forward([new double[3 * rows]]);
            frozen.Backward([new double[3 * rows]], new double[2 * rows]);
        }

        using var greedy = new OpRun<T>(gpu, new GreedyToken<T>(), [new(2, 3)], []);
        greedy.Forward([new double[6]]);
    }

    private static string Title(MethodInfo kernel) => $"{kernel.DeclaringType}.{kernel.Name}";
}
