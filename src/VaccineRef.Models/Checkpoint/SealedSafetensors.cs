using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace VaccineRef.Models;

/// <summary>
/// A safetensors file with the key <see cref="Key"/> among its metadata: SHA-256 over the other metadata and over name,
/// type, shape and bytes of every tensor. A file in which any of them was changed is told from a whole one.
/// </summary>
public static class SealedSafetensors
{
    /// <summary>The key of the digest in the header's metadata.</summary>
    public const string Key = "sha256";

    /// <summary>
    /// Writes one file, atomically. The tensors are fetched twice: once for the digest and once for the file.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">The tensors, names distinct.</param>
    /// <param name="metadata">Header strings.</param>
    /// <exception cref="CheckpointException">A value does not fit the type it is stored in.</exception>
    /// <exception cref="Core.InputException">The file cannot be written.</exception>
    public static void Write(
        string path, IReadOnlyList<TensorData> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add(digest, metadata);
        using var stream = new DigestStream(digest);
        foreach (var tensor in tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
        {
            Add(digest, tensor.Name, tensor.Type, tensor.Shape);
            tensor.WriteTo(stream, path);
        }

        SafetensorsWriter.Write(
            path, tensors,
            new Dictionary<string, string>(metadata) { [Key] = Convert.ToHexStringLower(digest.GetHashAndReset()) });
    }

    /// <summary>Opens a file and checks its digest.</summary>
    /// <exception cref="CheckpointException">
    /// The file is missing, cut, without a digest, or not what was written.
    /// </exception>
    public static SafetensorsFile Open(string path)
    {
        var file = SafetensorsFile.Open(path);
        try
        {
            string found = Digest(file);
            return file.Metadata.GetValueOrDefault(Key) is { } written && written == found
                ? file
                : throw new CheckpointException(
                    "the file is damaged", path, Key, found,
                    file.Metadata.GetValueOrDefault(Key) ?? "a digest of the content",
                    "remove the file, or copy it again");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static string Digest(SafetensorsFile file)
    {
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add(digest, file.Metadata.Where(pair => pair.Key != Key));
        foreach (var entry in file.Tensors.Values.OrderBy(entry => entry.Name, StringComparer.Ordinal))
        {
            Add(digest, entry.Name, entry.Type, entry.Shape);
            file.Feed(entry, digest.AppendData);
        }

        return Convert.ToHexStringLower(digest.GetHashAndReset());
    }

    private static void Add(IncrementalHash digest, IEnumerable<KeyValuePair<string, string>> metadata)
    {
        foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            Add(digest, $"{key.Length} {value.Length} {key}{value}");
    }

    private static void Add(IncrementalHash digest, string name, TensorType type, IEnumerable<long> shape) =>
        Add(digest, string.Create(
            CultureInfo.InvariantCulture, $"{name.Length} {name} {type.Name()} {string.Join(',', shape)};"));

    private static void Add(IncrementalHash digest, string text) => digest.AppendData(Encoding.UTF8.GetBytes(text));

    /// <summary>Only hashes what is written to it.</summary>
    private sealed class DigestStream(IncrementalHash digest) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Write(ReadOnlySpan<byte> buffer) => digest.AppendData(buffer);

        public override void Write(byte[] buffer, int offset, int count) => digest.AppendData(buffer, offset, count);

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
