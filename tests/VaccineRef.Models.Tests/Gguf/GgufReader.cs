using System.Text;

namespace VaccineRef.Models.Tests.Gguf;

/// <summary>
/// A tensor as it lies in a GGUF file: its type's number, extents with that of a row first, and values.
/// </summary>
internal sealed record StoredTensor(uint Type, long[] Extents, long Offset, double[] Values);

/// <summary>Reads GGUF as docs/gguf.md of ggml describes it, and checks whatever that page demands.</summary>
internal sealed class GgufReader
{
    public GgufReader(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        using var from = new BinaryReader(new MemoryStream(bytes));
        Assert.Equal("GGUF"u8, from.ReadBytes(4));
        Assert.Equal(3u, from.ReadUInt32());
        ulong tensors = from.ReadUInt64(), settings = from.ReadUInt64();
        for (ulong i = 0; i < settings; i++)
        {
            string key = Text(from);
            Assert.Matches("^[a-z0-9_]+([.][a-z0-9_]+)*$", key);
            Settings.Add(key, Value(from, from.ReadUInt32()));
        }
        var infos = new List<(string Name, long[] Extents, uint Type, long Offset)>();
        for (ulong i = 0; i < tensors; i++)
        {
            string name = Text(from);
            long[] extents = new long[from.ReadUInt32()];
            for (int d = 0; d < extents.Length; d++)
                extents[d] = from.ReadInt64();
            infos.Add((name, extents, from.ReadUInt32(), from.ReadInt64()));
        }
        long start = Aligned(from.BaseStream.Position), end = 0;
        foreach (var (name, extents, type, offset) in infos)
        {
            Assert.Equal(0, offset % Alignment);
            Assert.Equal(Aligned(end), offset);                     // nothing lies between, nothing on another
            int size = type == 0 ? 4 : 2;
            long count = extents.Aggregate(1L, (product, extent) => product * extent);
            end = offset + (count * size);
            var data = bytes.AsMemory((int)(start + offset), (int)(count * size));
            Tensors.Add(name, new(type, extents, offset, Numbers(type, data.Span)));
        }
        Assert.Equal(bytes.Length, Aligned(start + end));
    }

    public Dictionary<string, object> Settings { get; } = [];

    public Dictionary<string, StoredTensor> Tensors { get; } = [];

    private long Alignment => Settings.TryGetValue("general.alignment", out object? said) ? (uint)said : 32;

    public int Int(string key) => checked((int)(uint)Settings[key]);

    public double Float(string key) => (float)Settings[key];

    private long Aligned(long offset) => offset + ((Alignment - (offset % Alignment)) % Alignment);

    private static double[] Numbers(uint type, ReadOnlySpan<byte> bytes)
    {
        double[] values = new double[bytes.Length / (type == 0 ? 4 : 2)];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = type switch
            {
                0 => BitConverter.ToSingle(bytes[(4 * i)..]),
                1 => (double)BitConverter.ToHalf(bytes[(2 * i)..]),
                30 => BitConverter.Int32BitsToSingle(BitConverter.ToUInt16(bytes[(2 * i)..]) << 16),
                _ => throw new InvalidDataException($"tensor type {type}"),
            };
        }
        return values;
    }

    private static string Text(BinaryReader from) =>
        new UTF8Encoding(false, true).GetString(from.ReadBytes(checked((int)from.ReadUInt64())));

    private static object Value(BinaryReader from, uint type)
    {
        switch (type)
        {
            case 4: return from.ReadUInt32();
            case 5: return from.ReadInt32();
            case 6: return from.ReadSingle();
            case 7: return from.ReadByte() switch { 0 => false, 1 => true, var b => throw new InvalidDataException($"{b}") };
            case 8: return Text(from);
            case 9:
                uint kind = from.ReadUInt32();
                object[] items = new object[from.ReadUInt64()];
                for (int i = 0; i < items.Length; i++)
                    items[i] = Value(from, kind);
                return items;
            default: throw new InvalidDataException($"setting type {type}");
        }
    }
}
