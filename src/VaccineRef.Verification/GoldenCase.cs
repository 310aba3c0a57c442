using System.Text.Json;
using System.Text.Unicode;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Verification;

/// <summary>A golden case folder: the manifest's numbers and the tensors beside it.</summary>
internal sealed class GoldenCase : IDisposable
{
    private readonly Dictionary<string, SafetensorsFile> _files = [];
    private readonly JsonDocument _manifest;
    private readonly string _path;

    public GoldenCase(string folder)
    {
        Folder = folder;
        _path = Path.Combine(folder, "manifest.json");
        try
        {
            byte[] bytes = File.ReadAllBytes(_path);
            if (!Utf8.IsValid(bytes))
                throw new JsonException("it is not UTF-8");
            _manifest = JsonDocument.Parse(bytes, new() { AllowDuplicateProperties = false });
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException
            or InvalidOperationException)
        {
            throw new InputException(
                "a golden case has no readable manifest", _path, error.Message, "manifest.json", inner: error);
        }
    }

    public string Folder { get; }

    public string Name => Path.GetFileName(Path.TrimEndingDirectorySeparator(Folder));

    public ManifestNode Manifest => new(_manifest.RootElement, _path);

    public bool IsLora => File.Exists(Path.Combine(Folder, "adapter_config.json"));

    /// <summary>The case's safetensors file of that name, or null where the case has none.</summary>
    public SafetensorsFile? Tensors(string? name)
    {
        if (name is null)
            return null;
        string path = Path.Combine(
            Folder, name.EndsWith(".safetensors", StringComparison.Ordinal) ? name : name + ".safetensors");
        if (!File.Exists(path))
            return null;
        if (!_files.TryGetValue(path, out var file))
            _files.Add(path, file = SafetensorsFile.Open(path));
        return file;
    }

    /// <summary>A training (b0 ..) or evaluation (e0, e1) batch.</summary>
    public PaddedBatch Batch(string name)
    {
        var file = Tensors("batches")
            ?? throw new InputException("a golden case has no batches", Folder, expected: "batches.safetensors");
        return PaddedBatch.Read(file, name);
    }

    public IEnumerable<string> Batches(string prefix) => (Tensors("batches")?.Tensors.Keys ?? [])
        .Where(key => key.StartsWith(prefix, StringComparison.Ordinal)
            && key.EndsWith(".input_ids", StringComparison.Ordinal))
        .Select(key => key[..key.IndexOf('.', StringComparison.Ordinal)]).Order(StringComparer.Ordinal);

    public void Dispose()
    {
        foreach (var file in _files.Values)
            file.Dispose();
        _manifest.Dispose();
    }
}
