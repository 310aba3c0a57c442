using System.Buffers;
using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// One safetensors file. <see cref="Open"/> checks the whole header; a tensor is then read and converted a window at a
/// time, so that nothing of the file is held but what the caller asks for.
/// </summary>
/// <remarks>Format: https://huggingface.co/docs/safetensors (little-endian, row-major).</remarks>
public sealed class SafetensorsFile : IDisposable
{
    // Bytes read at a time, a multiple of every element's size.
    private const int Window = 1 << 20;

    private readonly OpenedFile _file;
    private readonly SafetensorsHeader _header;

    private SafetensorsFile(OpenedFile file, SafetensorsHeader header) => (_file, _header) = (file, header);

    /// <summary>The file.</summary>
    public string Path => _header.Path;

    /// <summary>The tensors by name, in the order of their bytes.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Tensors => _header.Tensors;

    /// <summary>The header's free-form strings.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>
    /// Opens the file and checks its header: JSON, names, types, shapes, and that the tensors fill the file exactly.
    /// </summary>
    /// <exception cref="CheckpointException">The file is missing, cut, too long, or its header lies.</exception>
    public static SafetensorsFile Open(string path)
    {
        try
        {
            if (GitLfsPointer.Is(path))
                throw GitLfsPointer.Refuse(path, "a safetensors file");
            var file = new OpenedFile(path);
            try
            {
                return new SafetensorsFile(file, SafetensorsHeader.Read(path, file));
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CheckpointException(
                "the model file cannot be opened", path, null, error.Message, "a safetensors file", inner: error);
        }
    }

    /// <summary>The entry of a tensor.</summary>
    /// <exception cref="CheckpointException">There is no such tensor; the message names the nearest one.</exception>
    public TensorEntry Entry(string name) => Find(Tensors, name, Path);

    /// <summary>
    /// Reads F64, F32, F16 or BF16 as <typeparamref name="T"/>, rounding to nearest even where T is narrower.
    /// </summary>
    /// <param name="name">The tensor.</param>
    /// <param name="destination">As many elements as the tensor has.</param>
    /// <exception cref="CheckpointException">
    /// No such tensor, not a float tensor, another number of elements, or a value beyond the range of T.
    /// </exception>
    public void Read<T>(string name, Span<T> destination) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var entry = Entry(name);
        if (!entry.Type.IsFloat)
            throw Unreadable(entry, "F64, F32, F16 or BF16");
        if (entry.Count != destination.Length)
        {
            throw new CheckpointException(
                "a tensor has another size than the model", Path, name, entry.ToString(),
                $"{destination.Length} elements", "config.json and the weights must come from the same model");
        }

        Read(entry, 0, destination);
    }

    /// <summary>Reads a part of a tensor of F64, F32, F16 or BF16.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="first">The first element.</param>
    /// <param name="destination">As many elements as are wanted.</param>
    /// <exception cref="CheckpointException">
    /// No such tensor, not a float tensor, fewer elements, a value beyond the range of T, or the file cannot be read.
    /// </exception>
    public void Read<T>(string name, long first, Span<T> destination) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var entry = Entry(name);
        if (!entry.Type.IsFloat)
            throw Unreadable(entry, "F64, F32, F16 or BF16");
        if (first < 0 || first > entry.Count - destination.Length)
            throw Unreadable(entry, $"elements {first} to {first + destination.Length - 1}");
        Read(entry, first, destination);
    }

    /// <summary>Reads an integer or boolean tensor.</summary>
    /// <exception cref="CheckpointException">No such tensor, a float tensor, or a U64 beyond 2^63 - 1.</exception>
    public long[] ReadIntegers(string name)
    {
        var entry = Entry(name);
        if (entry.Type.IsFloat || entry.Count > Array.MaxLength)
            throw Unreadable(entry, "an integer type");
        var values = new long[entry.Count];
        int at = 0;
        Feed(entry, bytes =>
        {
            var part = values.AsSpan(at, bytes.Length / entry.Type.Size);
            if (!TensorCodec.TryDecodeIntegers(entry.Type, bytes, part))
                throw Unreadable(entry, "values up to 2^63 - 1");
            at += part.Length;
        });
        return values;
    }

    /// <summary>Reads a tensor of U8 as it is.</summary>
    /// <exception cref="CheckpointException">No such tensor, another type, or more than an array holds.</exception>
    public byte[] ReadBytes(string name)
    {
        var entry = Entry(name);
        if (entry.Type != TensorType.U8 || entry.Count > Array.MaxLength)
            throw Unreadable(entry, "U8");
        var bytes = new byte[entry.Count];
        Fetch(entry, 0, bytes);
        return bytes;
    }

    /// <summary>Gives the bytes of a tensor, in the order of the file.</summary>
    internal void Feed(TensorEntry entry, Action<ReadOnlySpan<byte>> take)
    {
        byte[] window = ArrayPool<byte>.Shared.Rent(Window);
        try
        {
            for (long done = 0; done < entry.Length; done += Window)
            {
                var bytes = window.AsSpan(0, (int)Math.Min(Window, entry.Length - done));
                Fetch(entry, done, bytes);
                take(bytes);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(window);
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    internal static TensorEntry Find(IReadOnlyDictionary<string, TensorEntry> tensors, string name, string path) =>
        tensors.TryGetValue(name, out var entry) ? entry : throw new CheckpointException(
            "the checkpoint has no such tensor", path, name,
            $"{tensors.Count} tensors, the nearest name is {Nearest(tensors.Keys, name) ?? "none"}",
            remedy: "config.json and the weights must come from the same model");

    private void Read<T>(TensorEntry entry, long first, Span<T> destination)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        byte[] window = ArrayPool<byte>.Shared.Rent(Window);
        try
        {
            int most = Window / entry.Type.Size;
            for (int done = 0; done < destination.Length; done += most)
            {
                var part = destination.Slice(done, Math.Min(most, destination.Length - done));
                var bytes = window.AsSpan(0, part.Length * entry.Type.Size);
                Fetch(entry, (first + done) * entry.Type.Size, bytes);
                if (TensorCodec.DecodeFloats(entry.Type, bytes, part) is { } lost)
                    throw new CheckpointException(
                        $"a value does not fit {typeof(T).Name}", Path, entry.Name, $"{lost:R}");
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(window);
        }
    }

    private void Fetch(TensorEntry entry, long from, Span<byte> to)
    {
        try
        {
            _file.Read(entry.Offset + from, to);
        }
        catch (IOException error)
        {
            throw new CheckpointException(
                "a tensor cannot be read", Path, entry.Name, error.Message, "the bytes that its header names",
                "check the disk, and copy or download the file again", error);
        }
    }

    private CheckpointException Unreadable(TensorEntry entry, string expected) =>
        new("a tensor cannot be read as these numbers", Path, entry.Name, entry.ToString(), expected);

    // The name with the longest common tail, because prefixes are what exporters add and drop.
    private static string? Nearest(IEnumerable<string> names, string name) =>
        names.MaxBy(other => other.Reverse().Zip(name.Reverse()).TakeWhile(pair => pair.First == pair.Second).Count());
}
