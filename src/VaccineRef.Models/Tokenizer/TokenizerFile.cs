using System.Text.Json;

namespace VaccineRef.Models.Tokenizer;

/// <summary>Reads whole files, turning every way in which that fails into a <see cref="TokenizerException"/>.</summary>
internal static class TokenizerFile
{
    /// <summary>
    /// Far above any real tokenizer (the largest known are tens of megabytes), far below what would exhaust memory.
    /// </summary>
    private const long Limit = 1L << 29;

    public static byte[] Read(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            if (file.Length > Limit)
                throw new TokenizerException(
                    "the tokenizer file is too large", path, $"{file.Length} bytes", $"at most {Limit}");
            byte[] bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            return !GitLfsPointer.Is(bytes, bytes.Length) ? bytes : throw new TokenizerException(
                GitLfsPointer.What, path, GitLfsPointer.Found(bytes), "the tokenizer's file", GitLfsPointer.Remedy);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TokenizerException("the tokenizer file cannot be read", path, e.Message, inner: e);
        }
    }

    public static Setting ReadJson(string path)
    {
        ReadOnlyMemory<byte> bytes = Read(path);
        if (bytes.Span.StartsWith("\uFEFF"u8))
            bytes = bytes[3..];
        try
        {
            var root = JsonDocument.Parse(bytes).RootElement;
            var setting = new Setting(path, "$", root);
            return root.ValueKind == JsonValueKind.Object ? setting : throw setting.Unexpected("a JSON object");
        }
        catch (JsonException e)
        {
            throw new TokenizerException("the tokenizer file is not JSON", path, e.Message, inner: e);
        }
    }

    /// <summary>The file's settings, or null when the file is absent.</summary>
    public static Setting? ReadJsonIfThere(string folder, string name)
    {
        string path = Path.Combine(folder, name);
        return File.Exists(path) ? ReadJson(path) : null;
    }
}
