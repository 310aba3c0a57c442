using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace VaccineRef.Gpu;

/// <summary>The device failed while it worked: reset, removed, out of resources, or a kernel it cannot run. The run stops.</summary>
/// <param name="device">The device.</param>
/// <param name="doing">The op or transfer that noticed; kernels before it may be at fault.</param>
/// <param name="inner">What the driver says.</param>
public sealed class DeviceLostException(string device, string doing, AcceleratorException inner)
    : Exception(
        $"{device} failed: {Said(inner)}" + Environment.NewLine + $"  noticed by: {doing}" + Environment.NewLine
        + "  remedy:    see 'vaccine devices'; start again, or run on another --device: what was written to disk is whole",
        inner)
{
    private static string Said(AcceleratorException inner) => inner switch
    {
        CudaException cuda => $"{cuda.Error}",
        CLException cl => $"{cl.Error}",
        _ => inner.Message,
    };
}
