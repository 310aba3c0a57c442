using System.Text.Json;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Verification;

/// <summary>One padded batch as PyTorch saw it: (rows, length) of ids, labels and mask.</summary>
internal sealed class PaddedBatch
{
    private readonly long[] _ids, _labels, _mask;

    public PaddedBatch(long[] ids, long[]? labels, long[] mask, int length)
    {
        (_ids, _labels, _mask, Length) = (ids, labels ?? [.. ids.Select(_ => (long)PackedBatch.Ignored)], mask, length);
        Real = [.. Enumerable.Range(0, mask.Length).Where(i => mask[i] != 0)];
    }

    public int Length { get; }

    public int Rows => _ids.Length / Length;

    /// <summary>Where the real tokens stand, in packed order: index into the padded (rows * length).</summary>
    public int[] Real { get; }

    /// <summary>The real tokens as packed rows. What the mask hides is left out: positions count real tokens, as cumsum(mask) does.</summary>
    public PackedBatch Pack() => PackedBatch.Pack(Sequences());

    /// <summary>The real tokens, one sequence a row.</summary>
    public IReadOnlyList<TokenSequence> Sequences() => [.. Enumerable.Range(0, Rows).Select(row => Sequence(row, onlyReal: true))];

    /// <summary>Padding fed as tokens: what PyTorch sees when it is given no mask.</summary>
    public PackedBatch PackWithPadding() =>
        PackedBatch.Pack([.. Enumerable.Range(0, Rows).Select(row => Sequence(row, onlyReal: false))]);

    /// <summary>The same ids under another mask.</summary>
    public PaddedBatch WithMask(long[] mask) => new(_ids, null, mask, Length);

    private TokenSequence Sequence(int row, bool onlyReal)
    {
        int[] at = [.. Enumerable.Range(row * Length, Length).Where(i => !onlyReal || _mask[i] != 0)];
        return new([.. at.Select(i => (int)_ids[i])], [.. at.Select(i => (int)_labels[i])], $"row {row}");
    }
}

/// <summary>A golden case folder: the manifest's numbers and the tensors beside it.</summary>
internal sealed class GoldenCase : IDisposable
{
    private readonly Dictionary<string, SafetensorsFile> _files = [];
    private readonly JsonDocument _manifest;

    public GoldenCase(string folder)
    {
        Folder = folder;
        string path = Path.Combine(folder, "manifest.json");
        try
        {
            _manifest = JsonDocument.Parse(File.ReadAllText(path));
        }
        catch (Exception error) when (error is IOException or JsonException)
        {
            throw new InputException("a golden case has no readable manifest", path, error.Message, "manifest.json", inner: error);
        }
    }

    public string Folder { get; }

    public string Name => Path.GetFileName(Path.TrimEndingDirectorySeparator(Folder));

    public JsonElement Manifest => _manifest.RootElement;

    public bool IsLora => File.Exists(Path.Combine(Folder, "adapter_config.json"));

    /// <summary>The case's safetensors file of that name, or null where the case has none.</summary>
    public SafetensorsFile? Tensors(string? name)
    {
        if (name is null)
            return null;
        string path = Path.Combine(Folder, name.EndsWith(".safetensors", StringComparison.Ordinal) ? name : name + ".safetensors");
        if (!File.Exists(path))
            return null;
        if (!_files.TryGetValue(path, out var file))
            _files.Add(path, file = SafetensorsFile.Open(path));
        return file;
    }

    /// <summary>A training (b0 ..) or evaluation (e0, e1) batch.</summary>
    public PaddedBatch Batch(string name)
    {
        var file = Tensors("batches") ?? throw new InputException("a golden case has no batches", Folder, expected: "batches.safetensors");
        return new(
            file.ReadIntegers($"{name}.input_ids"), file.ReadIntegers($"{name}.labels"),
            file.ReadIntegers($"{name}.attention_mask"), (int)file.Tensors[$"{name}.input_ids"].Shape[1]);
    }

    public IEnumerable<string> Batches(string prefix) => (Tensors("batches")?.Tensors.Keys ?? [])
        .Where(key => key.StartsWith(prefix, StringComparison.Ordinal) && key.EndsWith(".input_ids", StringComparison.Ordinal))
        .Select(key => key[..key.IndexOf('.', StringComparison.Ordinal)]).Order(StringComparer.Ordinal);

    public static double[] Read(SafetensorsFile file, string name)
    {
        var values = new double[file.Tensors[name].Shape.Aggregate(1L, (product, extent) => product * extent)];
        file.Read<double>(name, values);
        return values;
    }

    public void Dispose()
    {
        foreach (var file in _files.Values)
            file.Dispose();
        _manifest.Dispose();
    }
}
