using System.Text;
using VaccineRef.Core;

namespace VaccineRef.Models.Tests;

/// <summary>
/// What is written is what is read, and no file of any bytes does worse than an <see cref="InputException"/>.
/// </summary>
public sealed class SafetensorsLaws
{
    private static readonly TensorType[] Types = Enum.GetValues<TensorType>();

    [Property]
    public void Written_then_read_is_the_same(int seed)
    {
        using var folder = new TempFolder();
        var tensors = Tensors(new Random(seed));
        SafetensorsWriter.Write(folder.File("x.safetensors"), [.. tensors.Select(t => t.Data)]);
        using var file = SafetensorsFile.Open(folder.File("x.safetensors"));
        Assert.Equal(tensors.Select(t => t.Data.Name).Order(), file.Tensors.Keys.Order());
        Assert.Equal("pt", file.Metadata["format"]);
        foreach (var (data, values) in tensors)
        {
            var entry = file.Entry(data.Name);
            Assert.Equal(data.Type, entry.Type);
            Assert.Equal(data.Shape, entry.Shape);
            Assert.Equal(0, entry.Offset % data.Type.Size); // aligned
            Assert.Equal(values, Values(file, entry));
        }
    }

    [Property]
    public void The_bytes_are_those_of_the_format(int seed)
    {
        using var folder = new TempFolder();
        var tensors = Tensors(new Random(seed));
        var path = folder.File("x.safetensors");
        SafetensorsWriter.Write(path, [.. tensors.Select(t => t.Data)]);
        var raw = RawSafetensors.Read(File.ReadAllBytes(path));
        using var file = SafetensorsFile.Open(path);
        Assert.Equal(raw.Count, file.Tensors.Count);
        foreach (var (data, values) in tensors)
        {
            Assert.Equal(data.Type.Name(), raw[data.Name].Type);
            Assert.Equal(data.Shape.AsEnumerable(), raw[data.Name].Shape);
            Assert.Equal(Bytes(data.Type, values), raw[data.Name].Bytes);
        }
    }

    [Fact]
    public void The_header_is_that_of_the_reference_implementation()
    {
        using var folder = new TempFolder();
        var path = folder.File("x.safetensors");
        TensorData Zeros(string name, TensorType type) => TensorData.Integers(name, type, [2], new long[2]);
        SafetensorsWriter.Write(
            path, [Zeros("b", TensorType.U8), Zeros("z", TensorType.I64), Zeros("a", TensorType.I64)]);
        var header = "{\"__metadata__\":{\"format\":\"pt\"},"
            + RawSafetensors.Entry("a", "I64", "[2]", "[0,16]") + ","
            + RawSafetensors.Entry("z", "I64", "[2]", "[16,32]") + ","
            + RawSafetensors.Entry("b", "U8", "[2]", "[32,34]") + "}";
        var text = header.PadRight((header.Length + 7) / 8 * 8);
        Assert.Equal(RawSafetensors.File(text, new byte[34]), File.ReadAllBytes(path));
    }

    [Property(MaxTest = 10)]
    public void Every_corrupt_byte_is_read_for_what_it_is_or_refused(int seed)
    {
        using var folder = new TempFolder();
        var random = new Random(seed);
        var bytes = Sample(folder, random);
        for (var i = 0; i < bytes.Length; i++)
        {
            var corrupt = bytes.ToArray();
            corrupt[i] ^= (byte)random.Next(1, 256);
            ReadsOrRefuses(folder, corrupt);
        }
    }

    [Property(MaxTest = 10)]
    public void Every_truncation_and_every_surplus_is_refused(int seed)
    {
        using var folder = new TempFolder();
        var bytes = Sample(folder, new Random(seed));
        for (var length = 0; length < bytes.Length; length++)
            Assert.False(ReadsOrRefuses(folder, bytes[..length]));
        Assert.False(ReadsOrRefuses(folder, [.. bytes, 0]));
    }

    [Property(MaxTest = 500)]
    public void Every_mutated_header_is_read_for_what_it_is_or_refused(int seed)
    {
        using var folder = new TempFolder();
        var random = new Random(seed);
        var bytes = Sample(folder, random);
        var end = 8 + BitConverter.ToInt32(bytes);
        var text = new StringBuilder(Encoding.UTF8.GetString(bytes, 8, end - 8));
        string[] pieces =
            ["{", "}", "[", "]", "\"", ",", ":", "0", "-1", "9223372036854775807", "1e3", "F32", "\\ud800", "null"];
        for (var edits = random.Next(1, 6); edits > 0; edits--)
        {
            var at = random.Next(text.Length);
            text.Remove(at, Math.Min(random.Next(4), text.Length - at)).Insert(at, pieces[random.Next(pieces.Length)]);
        }

        ReadsOrRefuses(folder, RawSafetensors.File(text.ToString(), bytes[end..]));
    }

    [Property]
    public void Arbitrary_bytes_are_refused(byte[] bytes)
    {
        using var folder = new TempFolder();
        Assert.False(ReadsOrRefuses(folder, bytes));
        Assert.False(ReadsOrRefuses(folder, [(byte)bytes.Length, 0, 0, 0, 0, 0, 0, 0, .. bytes]));
    }

    // True where the file opens: then an independent reader must find the same tensors, and all of them can be read.
    private static bool ReadsOrRefuses(TempFolder folder, byte[] bytes)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            using var file = SafetensorsFile.Open(folder.Write("corrupt.safetensors", bytes));
            var raw = RawSafetensors.Read(bytes);
            Assert.Equal(raw.Keys.Order(), file.Tensors.Keys.Order());
            foreach (var (name, entry) in file.Tensors)
            {
                Assert.Equal(raw[name].Type, entry.Type.Name());
                Assert.Equal(raw[name].Shape, entry.Shape.AsEnumerable());
                Assert.Equal(raw[name].Bytes, Bytes(entry.Type, Values(file, entry)));
            }

            return true;
        }
        catch (InputException)
        {
            return false;
        }
        finally
        {
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2_000_000);
        }
    }

    private static byte[] Sample(TempFolder folder, Random random)
    {
        // Integers, because every bit pattern of an integer comes back as it was.
        long[] values = [random.Next(), -random.Next(), random.Next()];
        SafetensorsWriter.Write(folder.File("sample.safetensors"),
        [
            TensorData.Integers("a.weight", TensorType.I64, [3, 1], values),
            TensorData.Integers("b.weight", TensorType.I32, [3], values),
            TensorData.Integers("empty", TensorType.I16, [2, 0], Array.Empty<long>()),
            TensorData.Integers("scalar", TensorType.U32, [], new long[] { random.Next() }),
        ]);
        return File.ReadAllBytes(folder.File("sample.safetensors"));
    }

    private static List<(TensorData Data, object Values)> Tensors(Random random) =>
    [
        .. Enumerable.Range(0, random.Next(6)).Select(i =>
        {
            var type = Types[random.Next(Types.Length)];
            long[] shape = [.. Enumerable.Range(0, random.Next(4)).Select(_ => (long)random.Next(5))];
            var name = $"layer.{i}.{"wéight\"\\\n<雪>"[..random.Next(11)]}";
            var count = (int)shape.Aggregate(1L, (a, b) => a * b);
            if (type.IsFloat)
            {
                double[] values = [.. Enumerable.Range(0, count).Select(_ => Exact(type, random))];
                return (TensorData.Floats<double>(name, type, shape, values), (object)values);
            }

            long[] integers = [.. Enumerable.Range(0, count).Select(_ => type == TensorType.Bool
                ? random.Next(2)
                : random.Next(128) - (type.Name()[0] == 'I' ? 64 : 0))];
            return (TensorData.Integers(name, type, shape, integers), integers);
        }),
    ];

    // A random value that the type holds exactly.
    private static double Exact(TensorType type, Random random)
    {
        var value = (random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-20, 15));
        return type switch
        {
            TensorType.F16 => (double)(Half)value,
            TensorType.BF16 => BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits((float)value) & ~0xFFFF),
            TensorType.F32 => (float)value,
            _ => value,
        };
    }

    private static object Values(SafetensorsFile file, TensorEntry entry)
    {
        if (!entry.Type.IsFloat)
            return file.ReadIntegers(entry.Name);
        var values = new double[entry.Count];
        file.Read<double>(entry.Name, values);
        var singles = new float[entry.Count];
        file.Read<float>(entry.Name, singles);
        Assert.Equal(values.Select(value => (float)value), singles);
        return values;
    }

    private static byte[] Bytes(TensorType type, object values) => values is long[] integers
        ? [.. integers.SelectMany(value => BitConverter.GetBytes(value)[..type.Size])]
        : [.. ((double[])values).SelectMany(value => type switch
        {
            TensorType.F64 => BitConverter.GetBytes(value),
            TensorType.F32 => BitConverter.GetBytes((float)value),
            TensorType.F16 => BitConverter.GetBytes((Half)value),
            _ => BitConverter.GetBytes((float)value)[2..],
        })];
}
