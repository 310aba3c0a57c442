using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace VaccineRef.Reporting.TensorBoard;

/// <summary>One number of a curve.</summary>
/// <param name="Tag">The curve: "attack/alignment_loss".</param>
/// <param name="Step">The optimizer step.</param>
/// <param name="Value">The number; TensorBoard keeps it in single precision.</param>
public readonly record struct Scalar(string Tag, long Step, double Value);

/// <summary>
/// An event file of TensorBoard: TFRecord frames around protobuf messages, written by hand. Both formats take a page;
/// the packages that know them bring TensorFlow's or libtorch's native code, and Google.Protobuf alone would still need
/// the schema. Source: tensorflow/tsl/lib/io/record_writer.cc, tensorflow/core/util/event.proto,
/// tensorflow/core/framework/summary.proto.
/// </summary>
public static class EventFile
{
    /// <summary>TensorBoard reads the files whose name contains this.</summary>
    public const string Marker = "tfevents";

    private const string Ending = ".vaccineref";

    /// <summary>The name of a file that says what its numbers are of.</summary>
    internal static string Name(string identity) => $"events.out.{Marker}.0.{identity}{Ending}";

    /// <summary>The event files of VaccineRef's in a folder; those of other programs are left alone.</summary>
    internal static string[] In(string folder) =>
        Directory.Exists(folder) ? Directory.GetFiles(folder, $"events.out.{Marker}.*{Ending}") : [];

    // Event { 1: double wall_time, 2: int64 step, 3: string file_version, 5: Summary { 1: Value { 1: tag, 2: float } }
    // }

    /// <summary>What a file begins with.</summary>
    internal static byte[] Head(double now) => Frame(new Message().Double(1, now).Text(3, "brain.Event:2").Bytes);

    /// <summary>One number, framed.</summary>
    internal static byte[] Event(Scalar scalar, double now)
    {
        var value = new Message().Text(1, scalar.Tag).Single(2, (float)scalar.Value);
        return Frame(
            new Message().Double(1, now).Integer(2, scalar.Step).Nested(5, new Message().Nested(1, value)).Bytes);
    }

    /// <summary>The seconds since 1970 that every event bears.</summary>
    internal static double Now(TimeProvider clock) => (clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds;

    /// <summary>uint64 length, its checksum, the bytes, their checksum; all little-endian.</summary>
    private static byte[] Frame(ReadOnlySpan<byte> message)
    {
        var frame = new byte[8 + 4 + message.Length + 4];
        BinaryPrimitives.WriteUInt64LittleEndian(frame, (ulong)message.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(8), Checksum(frame.AsSpan(0, 8)));
        message.CopyTo(frame.AsSpan(12));
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(12 + message.Length), Checksum(message));
        return frame;
    }

    /// <summary>CRC-32C, rotated and shifted so that a checksum stored within checksummed data does no harm.</summary>
    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte one in bytes)
            crc = BitOperations.Crc32C(crc, one);
        return BitOperations.RotateRight(~crc, 15) + 0xA282EAD8;
    }

    /// <summary>A protobuf message under construction.</summary>
    private sealed class Message
    {
        private const int Varint = 0, Fixed64 = 1, Length = 2, Fixed32 = 5;
        private readonly ArrayBufferWriter<byte> _bytes = new();

        public ReadOnlySpan<byte> Bytes => _bytes.WrittenSpan;

        public Message Integer(int field, long value) => Key(field, Varint).Base128((ulong)value);

        public Message Text(int field, string value)
        {
            Key(field, Length).Base128((ulong)Encoding.UTF8.GetByteCount(value));
            Encoding.UTF8.GetBytes(value, _bytes);
            return this;
        }

        public Message Nested(int field, Message message)
        {
            Key(field, Length).Base128((ulong)message.Bytes.Length);
            _bytes.Write(message.Bytes);
            return this;
        }

        public Message Double(int field, double value)
        {
            BinaryPrimitives.WriteDoubleLittleEndian(Key(field, Fixed64)._bytes.GetSpan(8), value);
            _bytes.Advance(8);
            return this;
        }

        public Message Single(int field, float value)
        {
            BinaryPrimitives.WriteSingleLittleEndian(Key(field, Fixed32)._bytes.GetSpan(4), value);
            _bytes.Advance(4);
            return this;
        }

        private Message Key(int field, int wire) => Base128((ulong)(field << 3 | wire));

        private Message Base128(ulong value)
        {
            for (; value >= 0x80; value >>= 7)
                _bytes.Write([(byte)(value | 0x80)]);
            _bytes.Write([(byte)value]);
            return this;
        }
    }
}
