using System.Buffers.Binary;
using System.Text;
using VaccineRef.Reporting.TensorBoard;

namespace VaccineRef.Reporting.Tests;

/// <summary>
/// Event files read back by a reader that shares nothing with the writer: CRC bit by bit, protobuf field by field.
/// </summary>
public sealed class EventFileTests
{
    [Property(MaxTest = 30)]
    public void What_is_written_is_read_back(int[] steps, NonNull<string> tag)
    {
        string folder = Directory.CreateTempSubdirectory("vaccineref").FullName;
        string name = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes("é/" + tag.Get));      // no half surrogates
        Scalar[] scalars = [.. steps.Select(step => new Scalar(name, Math.Abs((long)step) << 7, step / 3.0))];
        try
        {
            string path = Path.Combine(folder, "new", EventFile.Name("a"));
            Assert.Contains("tfevents", Path.GetFileName(path), StringComparison.Ordinal);
            using (var log = new EventLog(path, TimeProvider.System))
            {
                log.Add(scalars.Take(scalars.Length / 2));
                log.Add(scalars.Skip(scalars.Length / 2));
            }

            var records = Records(File.ReadAllBytes(path)).ToArray();
            Assert.Equal("brain.Event:2", Encoding.UTF8.GetString(records[0].Single(field => field.Number == 3).Bytes));
            Assert.Equal(scalars.Select(s => (s.Tag, s.Step, (float)s.Value)), records.Skip(1).Select(Read));
            Assert.All(records, record => Assert.InRange(
                BitConverter.ToDouble(record.Single(field => field.Number == 1).Bytes),
                1.7e9, (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).TotalSeconds));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Everything that an event file holds, its checksums proved.</summary>
    internal static (string Tag, long Step, float Value)[] Scalars(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return [.. Records(bytes).Skip(1).Select(Read)];
    }

    // RFC 3720, appendix B.4
    [Fact]
    public void The_readers_checksum_is_CRC_32C()
    {
        Assert.Equal(0xE3069283u, Crc("123456789"u8));
        Assert.Equal(0x8A9136AAu, Crc(new byte[32]));
    }

    private static (string Tag, long Step, float Value) Read(IReadOnlyList<Field> record)
    {
        var value = Fields(Fields(record.Single(field => field.Number == 5).Bytes).Single().Bytes).ToArray();
        return (
            Encoding.UTF8.GetString(value.Single(field => field.Number == 1).Bytes),
            (long)record.Single(field => field.Number == 2).Value,
            BitConverter.ToSingle(value.Single(field => field.Number == 2).Bytes));
    }

    private sealed record Field(int Number, ulong Value, byte[] Bytes);

    private static IEnumerable<IReadOnlyList<Field>> Records(byte[] file)
    {
        for (int at = 0; at < file.Length;)
        {
            int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
            Assert.Equal(Masked(file.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 8)));
            var data = file.AsSpan(at + 12, length);
            Assert.Equal(Masked(data), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 12 + length)));
            yield return [.. Fields(data.ToArray())];
            at += length + 16;
        }
    }

    private static IEnumerable<Field> Fields(byte[] message)
    {
        for (int at = 0; at < message.Length;)
        {
            ulong key = Varint(message, ref at);
            int wire = (int)(key & 7);
            ulong value = wire is 0 or 2 ? Varint(message, ref at) : 0;
            int length = wire switch { 0 => 0, 1 => 8, 2 => (int)value, 5 => 4, _ => throw new InvalidDataException($"wire {wire}") };
            yield return new((int)(key >> 3), value, message[at..(at + length)]);
            at += length;
        }
    }

    private static ulong Varint(byte[] message, ref int at)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = message[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }
    }

    private static uint Masked(ReadOnlySpan<byte> bytes)
    {
        uint crc = Crc(bytes);
        return unchecked((crc >> 15 | crc << 17) + 0xA282EAD8u);
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        uint crc = 0xFFFFFFFF;
        foreach (byte one in bytes)
        {
            crc ^= one;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc & 1) == 1 ? crc >> 1 ^ 0x82F63B78 : crc >> 1;
        }

        return ~crc;
    }
}
