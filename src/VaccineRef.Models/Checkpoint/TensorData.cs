using System.Collections.Immutable;
using System.Numerics;

namespace VaccineRef.Models;

/// <summary>Fetches the values of a tensor when they are written, so that no copy waits in memory.</summary>
public delegate ReadOnlySpan<T> TensorValues<T>();

/// <summary>
/// A tensor to be written: its name, the type it takes in the file, its shape, and where its values come from.
/// </summary>
public sealed class TensorData
{
    // Elements converted at a time: the buffer stays within the second-level cache.
    private const int Window = 16384;

    private readonly Action<TensorData, Stream, string> _write;

    private TensorData(string name, TensorType type, ReadOnlySpan<long> shape, Action<TensorData, Stream, string> write)
    {
        (Name, Type, Shape, _write) = (name, type, [.. shape], write);
        Length = TensorEntry.Bytes(type, Shape) ?? throw new ArgumentException($"{name}: the shape is too large");
    }

    private delegate string? Encoder<T>(TensorType type, ReadOnlySpan<T> from, Span<byte> to);

    /// <summary>The checkpoint name.</summary>
    public string Name { get; }

    /// <summary>The element type in the file.</summary>
    public TensorType Type { get; }

    /// <summary>Row-major extents.</summary>
    public ImmutableArray<long> Shape { get; }

    /// <summary>Bytes in the file.</summary>
    public long Length { get; }

    /// <summary>A float tensor, stored as F64, F32, F16 or BF16; narrowing rounds once, to nearest even.</summary>
    public static TensorData Floats<T>(string name, TensorType type, ReadOnlySpan<long> shape, TensorValues<T> values)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (!type.IsFloat)
            throw new ArgumentException($"{name}: {type.Name()} is not a float type");
        return new(name, type, shape, (tensor, stream, path) => tensor.Write(
            stream, path, values(),
            static (type, from, to) => TensorCodec.EncodeFloats(type, from, to) is { } lost ? $"{lost:R}" : null));
    }

    /// <inheritdoc cref="Floats{T}(string, TensorType, ReadOnlySpan{long}, TensorValues{T})"/>
    public static TensorData Floats<T>(string name, TensorType type, ReadOnlySpan<long> shape, ReadOnlyMemory<T> values)
        where T : unmanaged, IFloatingPointIeee754<T> => Floats(name, type, shape, () => values.Span);

    /// <summary>An integer or boolean tensor.</summary>
    public static TensorData Integers(
        string name, TensorType type, ReadOnlySpan<long> shape, ReadOnlyMemory<long> values)
    {
        if (type.IsFloat)
            throw new ArgumentException($"{name}: {type.Name()} is not an integer type");
        return new(name, type, shape, (tensor, stream, path) => tensor.Write(
            stream, path, values.Span,
            static (type, from, to) => TensorCodec.EncodeIntegers(type, from, to) is { } lost ? $"{lost}" : null));
    }

    /// <summary>Bytes as they are, stored as U8.</summary>
    public static TensorData Bytes(string name, ReadOnlyMemory<byte> values) =>
        new(name, TensorType.U8, [values.Length], (_, stream, _) => stream.Write(values.Span));

    internal void WriteTo(Stream stream, string path) => _write(this, stream, path);

    private void Write<T>(Stream stream, string path, ReadOnlySpan<T> values, Encoder<T> encode)
    {
        if (values.Length != Length / Type.Size)
            throw new ArgumentException($"{Name}: {values.Length} values for shape {TensorEntry.Format(Shape)}");
        var buffer = new byte[Math.Min(Window, values.Length) * Type.Size];
        for (var done = 0; done < values.Length; done += Window)
        {
            var part = values.Slice(done, Math.Min(Window, values.Length - done));
            var bytes = buffer.AsSpan(0, part.Length * Type.Size);
            if (encode(Type, part, bytes) is { } lost)
            {
                throw new CheckpointException(
                    $"a value does not fit {Type.Name()}", path, Name, lost,
                    remedy: "save in a wider type: BF16 and F32 reach 3.4e38");
            }

            stream.Write(bytes);
        }
    }
}
