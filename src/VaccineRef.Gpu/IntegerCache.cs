using VaccineRef.Core;

namespace VaccineRef.Gpu;

/// <summary>
/// Ids, positions, targets and offsets on the device. The layers of a model ask for the same ones again and again,
/// forward and backward. They are found by their values, so that a caller may reuse its array, and each is sent to the
/// device once. The array that has not been asked for longest makes room for a new one; what a call was just given
/// therefore stays while the call asks for more.
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
