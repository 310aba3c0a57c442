using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace VaccineRef.Gpu;

/// <summary>
/// The device failed while it worked: it was reset or removed, it ran out of resources, or it cannot run a kernel. The
/// run stops.
/// </summary>
/// <param name="device">The name of the device.</param>
/// <param name="doing">The op or transfer that noticed the failure; a kernel before it may have caused it.</param>
/// <param name="inner">What the driver reports.</param>
public sealed class DeviceLostException(string device, string doing, AcceleratorException inner)
    : Exception(
        $"{device} failed: {Said(inner)}" + Environment.NewLine + $"  noticed by: {doing}" + Environment.NewLine
        + "  remedy:    see 'vaccine devices'; start again, or run on another --device: "
        + "what was written to disk is whole",
        inner)
{
    private static string Said(AcceleratorException inner) => inner switch
    {
        CudaException cuda => $"{cuda.Error}",
        CLException cl => $"{cl.Error}",
        _ => inner.Message,
    };
}
