using VaccineRef.Core;

namespace VaccineRef.Gpu;

/// <summary>
/// Ids, positions, labels and offsets on the device. The layers of a model ask for the same ones over and over, forward and backward:
/// they are found by their values, so a caller may reuse its array, and each is sent over once. The oldest make room.
/// </summary>
internal sealed class IntegerCache(GpuDevice device) : IDisposable
{
    private const int Entries = 32;
    private readonly (int[] Values, DeviceBuffer? Buffer)[] _entries = new (int[], DeviceBuffer?)[Entries];
    private int _next;

    public GpuView<int> Get(ReadOnlySpan<int> values)
    {
        if (values.IsEmpty)
            return default;
        foreach (var (known, buffer) in _entries)
            if (buffer is not null && values.SequenceEqual(known))
                return View(buffer, values.Length);
        ref var entry = ref _entries[_next];
        _next = (_next + 1) % Entries;
        long bytes = (long)values.Length * sizeof(int);
        if (entry.Buffer is null || entry.Buffer.Bytes < bytes)
        {
            entry.Buffer?.Dispose();
            entry.Buffer = device.Reserve(bytes);
        }

        entry.Values = values.ToArray();
        device.Upload(values, new View<int>(entry.Buffer, 0, Shape.Vector(values.Length)));
        return View(entry.Buffer, values.Length);
    }

    public void Dispose()
    {
        foreach (var (_, buffer) in _entries)
            buffer?.Dispose();
    }

    private static GpuView<int> View(DeviceBuffer buffer, int count) =>
        GpuDevice.View(new View<int>(buffer, 0, Shape.Vector(count)));
}
