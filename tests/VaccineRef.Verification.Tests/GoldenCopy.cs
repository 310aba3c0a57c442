using System.Text.Json.Nodes;
using VaccineRef.Models;
using VaccineRef.Testing;

namespace VaccineRef.Verification.Tests;

/// <summary>A copy of a golden case, in which defects are planted.</summary>
internal sealed class GoldenCopy : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("planted");

    /// <summary>Copies a case.</summary>
    /// <param name="name">Its folder's name.</param>
    public GoldenCopy(string name) => Restore(name);

    /// <summary>Where it lies.</summary>
    public string Folder => _folder.FullName;

    /// <summary>Puts every file of a case in the place of what is there.</summary>
    public void Restore(string name)
    {
        foreach (string file in Directory.GetFiles(Path.Combine(Repository.Root, "tests", "golden", name)))
            File.Copy(file, At(Path.GetFileName(file)), overwrite: true);
    }

    /// <summary>The path of a file.</summary>
    public string At(string file) => Path.Combine(Folder, file);

    /// <summary>
    /// Writes a file of tensors again, one of them (or all, where no name is given) changed or left out.
    /// </summary>
    public void Rewrite(string file, string tensor, Func<Values, Values?> change)
    {
        string path = At(file + ".safetensors");
        List<TensorData> tensors = [];
        using (var from = SafetensorsFile.Open(path))
        {
            foreach (var entry in from.Tensors.Values)
            {
                if (!entry.Type.IsFloat)
                    tensors.Add(TensorData.Integers(
                        entry.Name, entry.Type, entry.Shape.AsSpan(), from.ReadIntegers(entry.Name)));
                else if ((tensor.Length > 0 && entry.Name != tensor ? Values.Read(from, entry.Name) : change(Values.Read(from, entry.Name))) is { } values)
                    tensors.Add(
                        TensorData.Floats<double>(entry.Name, entry.Type, values.Shape.AsSpan(), values.Numbers));
            }
        }

        SafetensorsWriter.Write(path, tensors);
    }

    /// <summary>Puts one more tensor, of one number, into a file that holds nothing but numbers.</summary>
    public void Add(string file, string tensor)
    {
        string path = At(file + ".safetensors");
        List<TensorData> tensors = [TensorData.Floats<double>(tensor, TensorType.F64, [1], (double[])[1.0])];
        using (var from = SafetensorsFile.Open(path))
        {
            foreach (var entry in from.Tensors.Values)
                tensors.Add(TensorData.Floats<double>(
                    entry.Name, entry.Type, entry.Shape.AsSpan(), Values.Read(from, entry.Name).Numbers));
        }

        SafetensorsWriter.Write(path, tensors);
    }

    /// <summary>The manifest as it is now.</summary>
    public JsonNode Manifest => JsonNode.Parse(File.ReadAllText(At("manifest.json")))!;

    /// <summary>Changes what stands at a path of the manifest, of keys with points between them.</summary>
    public void EditManifest(string path, Action<JsonObject, string> edit)
    {
        var root = Manifest;
        var place = root;
        string[] keys = path.Split('.');
        foreach (string key in keys[..^1])
            place = place[key]!;
        edit(place.AsObject(), keys[^1]);
        Write(root);
    }

    /// <summary>Writes another manifest.</summary>
    public void Write(JsonNode manifest) => File.WriteAllText(At("manifest.json"), manifest.ToJsonString());

    public void Dispose() => _folder.Delete(recursive: true);
}
