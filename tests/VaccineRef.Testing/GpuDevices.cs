using VaccineRef.Gpu;

namespace VaccineRef.Testing;

/// <summary>
/// The devices that GPU halves are tested on: ILGPU's simulator, and every GPU that this machine has and can use.
/// </summary>
public sealed class GpuDevices : IDisposable
{
    /// <summary>Opens them all.</summary>
    public GpuDevices() => All =
    [
        .. Devices.List().Where(listing => listing.Unusable is null).Select(listing => listing.Name).Append("ilgpu-cpu")
            .Select(name => (GpuDevice)Devices.Open(name)),
    ];

    /// <summary>The open devices.</summary>
    public IReadOnlyList<GpuDevice> All { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var device in All)
            device.Dispose();
    }
}
