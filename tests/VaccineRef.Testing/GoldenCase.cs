using System.Text.Json;
using VaccineRef.Models;

namespace VaccineRef.Testing;

/// <summary>
/// One folder of numbers that PyTorch and the official trainer computed: tests/golden/README.md says what each is.
/// </summary>
public sealed class GoldenCase : IDisposable
{
    private readonly Dictionary<string, SafetensorsFile> _files = [];
    private readonly JsonDocument _manifest;

    /// <summary>Opens a case.</summary>
    public GoldenCase(string name)
    {
        var root = Root ?? throw new DirectoryNotFoundException("there is no folder of golden numbers");
        Folder = Path.Combine(root, name);
        _manifest = JsonDocument.Parse(System.IO.File.ReadAllBytes(Path.Combine(Folder, "manifest.json")));
    }

    /// <summary>
    /// tests/golden of this repository; before it was there, golden in the folder that VACCINEREF_SHARED names; null if
    /// neither is.
    /// </summary>
    public static string? Root
    {
        get
        {
            for (var up = new DirectoryInfo(AppContext.BaseDirectory); up is not null; up = up.Parent)
                if (Path.Combine(up.FullName, "tests", "golden") is var golden && Directory.Exists(golden))
                    return golden;
            return Shared("golden");
        }
    }

    /// <summary>The folder of the case.</summary>
    public string Folder { get; }

    /// <summary>The manifest.</summary>
    public JsonElement Manifest => _manifest.RootElement;

    /// <summary>A folder of the shared reference inputs; null where VACCINEREF_SHARED does not lead to it.</summary>
    public static string? Shared(string name) =>
        Environment.GetEnvironmentVariable("VACCINEREF_SHARED") is { Length: > 0 } shared
        && Path.Combine(shared, name) is var path && Directory.Exists(path)
            ? path
            : null;

    /// <summary>A tensor of floats.</summary>
    public double[] Floats(string file, string tensor)
    {
        var values = new double[File(file).Entry(tensor).Count];
        File(file).Read<double>(tensor, values);
        return values;
    }

    /// <summary>The rows of a batch without their padding.</summary>
    public TokenSequence[] Batch(string name)
    {
        int[] ids = Integers($"{name}.input_ids"), labels = Integers($"{name}.labels");
        int length = Length(name);
        int[] Real(int[] values, int[] mask, int row) =>
            [.. values.Skip(row * length).Take(length).Where((_, t) => mask[t] == 1)];

        return
        [
            .. Integers($"{name}.attention_mask").Chunk(length).Select((mask, row) =>
                new TokenSequence(Real(ids, mask, row), Real(labels, mask, row), $"{name}[{row}]")),
        ];
    }

    /// <summary>Of a tensor (B, T, C) or (B, T), the rows that are no padding in a batch, end to end.</summary>
    public double[] RealRows(string file, string tensor, string batch)
    {
        int[] mask = Integers($"{batch}.attention_mask");
        double[] values = Floats(file, tensor);
        int columns = values.Length / mask.Length;
        return [.. values.Chunk(columns).Where((_, row) => mask[row] == 1).SelectMany(row => row)];
    }

    /// <summary>The padded length of a batch.</summary>
    public int Length(string batch) => (int)File("batches").Entry($"{batch}.input_ids").Shape[1];

    /// <summary>The files, closed.</summary>
    public void Dispose()
    {
        foreach (var file in _files.Values)
            file.Dispose();
        _manifest.Dispose();
    }

    /// <summary>||found - expected|| / ||expected||.</summary>
    public static double Distance(ReadOnlySpan<double> found, ReadOnlySpan<double> expected)
    {
        if (found.Length != expected.Length)
            return double.PositiveInfinity;
        double difference = 0, norm = 0;
        for (int i = 0; i < found.Length; i++)
        {
            difference += (found[i] - expected[i]) * (found[i] - expected[i]);
            norm += expected[i] * expected[i];
        }

        return difference == 0 ? 0 : Math.Sqrt(difference / norm);
    }

    private int[] Integers(string tensor) => [.. File("batches").ReadIntegers(tensor).Select(value => (int)value)];

    private SafetensorsFile File(string name)
    {
        if (!_files.TryGetValue(name, out var file))
            _files.Add(name, file = SafetensorsFile.Open(Path.Combine(Folder, $"{name}.safetensors")));
        return file;
    }
}
