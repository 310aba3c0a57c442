using System.Text;

namespace VaccineRef.Models.Gguf;

/// <summary>
/// A GGUF file, version 3: typed settings, a list of tensors, and their data, each at a multiple of 32 bytes behind the
/// list. All numbers are little-endian. Source: docs/gguf.md of ggml.
/// </summary>
internal sealed class GgufFile : IDisposable
{
    private const int Alignment = 32;
    private const uint Version = 3;

    private readonly MemoryStream _bytes = new();
    private readonly BinaryWriter _settings;
    private readonly List<TensorData> _tensors = [];
    private long _count;

    public GgufFile() => _settings = new(_bytes);

    // The types of settings, numbered as in gguf_metadata_value_type.
    private enum Kind : uint { UInt32 = 4, Int32 = 5, Float32 = 6, Bool = 7, String = 8, Array = 9 }

    public void Set(string key, int value) => Begin(key, Kind.UInt32).Write((uint)value);

    public void Set(string key, double value) => Begin(key, Kind.Float32).Write((float)value);

    public void Set(string key, bool value) => Begin(key, Kind.Bool).Write(value);

    public void Set(string key, string value) => Text(Begin(key, Kind.String), value);

    public void Set(string key, IReadOnlyCollection<string> values) => List(key, Kind.String, values, Text);

    public void Set(string key, IReadOnlyCollection<float> values) =>
        List(key, Kind.Float32, values, static (writer, value) => writer.Write(value));

    public void Set(string key, IReadOnlyCollection<int> values) =>
        List(key, Kind.Int32, values, static (writer, value) => writer.Write(value));

    public void Add(TensorData tensor) => _tensors.Add(tensor);

    /// <summary>Writes the file, atomically.</summary>
    /// <exception cref="CheckpointException">A value does not fit the type it is stored in.</exception>
    /// <exception cref="Core.InputException">The file cannot be written.</exception>
    public void Write(string path) => AtomicFile.Write(path, stream =>
    {
        var writer = new BinaryWriter(stream);
        writer.Write("GGUF"u8);
        writer.Write(Version);
        writer.Write((ulong)_tensors.Count);
        writer.Write((ulong)_count);
        writer.Write(_bytes.GetBuffer().AsSpan(0, (int)_bytes.Length));
        long offset = 0;
        foreach (var tensor in _tensors)
        {
            Text(writer, tensor.Name);
            writer.Write((uint)tensor.Shape.Length);
            foreach (long extent in tensor.Shape.Reverse())         // the extent of a row comes first
                writer.Write((ulong)extent);
            writer.Write(Number(tensor.Type));
            writer.Write((ulong)offset);
            offset = Aligned(offset + tensor.Length);
        }

        Pad(stream);
        foreach (var tensor in _tensors)
        {
            tensor.WriteTo(stream, path);
            Pad(stream);
        }
    });

    public void Dispose() => _settings.Dispose();

    // As in ggml_type.
    private static uint Number(TensorType type) => type switch
    {
        TensorType.F32 => 0,
        TensorType.F16 => 1,
        TensorType.BF16 => 30,
        _ => throw new ArgumentException($"{type} is not written to GGUF files", nameof(type)),
    };

    private static long Aligned(long offset) => (offset + Alignment - 1) / Alignment * Alignment;

    private static void Pad(Stream stream) => stream.Write(new byte[Aligned(stream.Position) - stream.Position]);

    private static void Text(BinaryWriter writer, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private BinaryWriter Begin(string key, Kind kind)
    {
        _count++;
        Text(_settings, key);
        _settings.Write((uint)kind);
        return _settings;
    }

    private void List<TValue>(
        string key, Kind kind, IReadOnlyCollection<TValue> values, Action<BinaryWriter, TValue> write)
    {
        var writer = Begin(key, Kind.Array);
        writer.Write((uint)kind);
        writer.Write((ulong)values.Count);
        foreach (var value in values)
            write(writer, value);
    }
}
