using VaccineRef.Core;

namespace VaccineRef.Gpu;

/// <summary>
/// Ids, positions, labels and offsets on the device. The layers of a model ask for the same ones over and over, forward and backward:
/// they are found by their values, so a caller may reuse its array, and each is sent over once. Those not asked for the longest make
/// room: what a call has just been given stays while it asks for more.
/// </summary>
internal sealed class IntegerCache(GpuDevice device) : IDisposable
{
    private const int Entries = 32;
    private readonly Entry[] _entries = new Entry[Entries];
    private long _asked;

    public GpuView<int> Get(ReadOnlySpan<int> values)
    {
        if (values.IsEmpty)
            return default;
        int oldest = 0;
        for (int i = 0; i < Entries; i++)
        {
            ref var known = ref _entries[i];
            if (known.Buffer is not null && values.SequenceEqual(known.Values))
                return View(ref known, values.Length);
            if (known.Asked < _entries[oldest].Asked)
                oldest = i;
        }

        ref var entry = ref _entries[oldest];
        long bytes = (long)values.Length * sizeof(int);
        if (entry.Buffer is null || entry.Buffer.Bytes < bytes)
        {
            entry.Buffer?.Dispose();
            entry.Buffer = device.Reserve(bytes);
        }

        entry.Values = values.ToArray();
        device.Upload(values, new View<int>(entry.Buffer, 0, Shape.Vector(values.Length)));
        return View(ref entry, values.Length);
    }

    public void Dispose()
    {
        foreach (var entry in _entries)
            entry.Buffer?.Dispose();
    }

    private GpuView<int> View(ref Entry entry, int count)
    {
        entry.Asked = ++_asked;
        return GpuDevice.View(new View<int>(entry.Buffer!, 0, Shape.Vector(count)));
    }

    private struct Entry
    {
        public int[] Values;
        public DeviceBuffer? Buffer;
        public long Asked;
    }
}
