using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VaccineRef.Models;
using VaccineRef.Testing;

namespace VaccineRef.Fuzz;

/// <summary>
/// A golden case cut down to a corner of each of its tensors, to two layers, two rows of five tokens, and two steps:
/// everything that a case can hold is there, and its numbers no longer agree, which a comparison says and which is no
/// wrong input.
/// </summary>
internal static partial class SmallGolden
{
    private const int Layers = 2, Rows = 2, Vocabulary = 11, Steps = 2, Prompt = 2, Answer = 2;

    private static readonly string[] Radii = ["0.1", "2"], Batches = ["b0", "b1", "e0", "e1"];

    // the extents of the golden cases, and those of SmallModels: those of heads follow from the hidden ones
    private static readonly Dictionary<long, long> Extents = new (long, long)[]
    {
        (48, 8), (40, 8), (36, 8), (24, 4), (112, 12), (96, 12), (144, 32), (108, 24), (97, Vocabulary),
        (101, Vocabulary), (89, Vocabulary),
        (66, 18), (64, 16), (3, Rows), (14, 5), (13, 4), (12, 4),
    }.ToDictionary();

    /// <summary>Writes a case.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="golden">Which case it is cut from.</param>
    public static void Write(string folder, string golden)
    {
        string from = Path.Combine(Repository.Root, "tests", "golden", golden);
        File.WriteAllText(Path.Combine(folder, "config.json"), SmallModels.Config(golden).ToJsonString());
        foreach (string path in Directory.GetFiles(from, "*.safetensors"))
        {
            using var file = SafetensorsFile.Open(path);
            SafetensorsWriter.Write(
                Path.Combine(folder, Path.GetFileName(path)),
                [.. file.Tensors.Values.Where(entry => IsKept(entry.Name)).Select(entry => Corner(file, entry))]);
        }

        var manifest = JsonNode.Parse(File.ReadAllText(Path.Combine(from, "manifest.json")))!.AsObject();
        manifest.Remove("tensor_files");            // nobody reads it
        Cut(manifest);
        File.WriteAllText(Path.Combine(folder, "manifest.json"), manifest.ToJsonString());
    }

    /// <summary>Whether a tensor is of a layer and of a batch that are kept.</summary>
    private static bool IsKept(string name)
    {
        if (BatchName().Match(name) is { Success: true } batch)
            return Batches.Contains(batch.Groups[1].Value);
        return !LayerOf(name, out int layer)
            || layer < (name.StartsWith("hidden.", StringComparison.Ordinal) ? Layers + 1 : Layers);
    }

    private static bool LayerOf(string name, out int layer)
    {
        var match = LayerName().Match(name);
        return int.TryParse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture, out layer);
    }

    private static TensorData Corner(SafetensorsFile file, TensorEntry entry)
    {
        long[] shape = [.. entry.Shape.Select(extent => Extents.GetValueOrDefault(extent, extent))];
        if (entry.Type.IsFloat)
        {
            var all = new double[entry.Count];
            file.Read<double>(entry.Name, all);
            return TensorData.Floats<double>(entry.Name, entry.Type, shape, Corner(all, entry.Shape, shape));
        }

        // padding in front would be all that is left of a row, and so would a prompt: every token counts
        long[] cut = Corner(file.ReadIntegers(entry.Name), entry.Shape, shape);
        string part = entry.Name[(entry.Name.LastIndexOf('.') + 1)..];
        return TensorData.Integers(entry.Name, entry.Type, shape, cut.Select((value, i) => part switch
        {
            "input_ids" or "labels" => Math.Abs(value) % Vocabulary,
            "attention_mask" => i == 0 && entry.Name[0] is 'l' or 'h' ? 0 : 1,
            _ => value,
        }).ToArray());
    }

    private static TNumber[] Corner<TNumber>(TNumber[] all, IReadOnlyList<long> shape, long[] cut)
    {
        var corner = new TNumber[cut.Aggregate(1L, (product, extent) => product * extent)];
        for (int i = 0; i < corner.Length; i++)
        {
            long rest = i, at = 0, stride = 1;
            for (int axis = cut.Length - 1; axis >= 0; axis--)
            {
                at += rest % cut[axis] * stride;
                rest /= cut[axis];
                stride *= shape[axis];
            }

            corner[i] = all[at];
        }

        return corner;
    }

    /// <summary>
    /// Leaves out of the manifest what is of other layers, steps and radii, and shortens the answers.
    /// </summary>
    private static void Cut(JsonNode? node)
    {
        if (node is JsonArray list)
            foreach (var part in list)
                Cut(part);
        if (node is not JsonObject group)
            return;
        foreach (var (key, value) in group.ToArray())
        {
            if (!IsKept(key))
                group.Remove(key);
            else if (key is "steps" or "official_per_batch_layer" or "real_tokens_per_batch_layer"
                or "layer_grad_norms")
                group[key] = First(value!, Steps);
            else if (key is "trainable" or "decay" or "no_decay")
                group[key] = new JsonArray([.. value!.AsArray().Where(name => IsKept(name!.GetValue<string>())).Select(name => name!.DeepClone())]);
            else if (key == "ids")
                group[key] = new JsonArray([.. value!.AsArray().Take(Prompt + Answer).Select(id => (JsonNode)(id!.GetValue<int>() % Vocabulary))]);
            else if (key == "prompt_len")
                group[key] = Prompt;
            else if (key == "batch_size")
                group[key] = Rows;
            else if (key == "greedy")
                group[key] = First(value!, 1);
            Cut(group[key]);
            if (key == "rho" && group[key] is JsonObject radii)
                foreach (string radius in radii.Select(pair => pair.Key).Except(Radii).ToArray())
                    radii.Remove(radius);
        }
    }

    private static JsonArray First(JsonNode list, int count) =>
        new([.. list.AsArray().Take(count).Select(item => item?.DeepClone())]);

    [GeneratedRegex(@"^([be]\d)\.", RegexOptions.CultureInvariant)]
    private static partial Regex BatchName();

    [GeneratedRegex(@"(?:\blayers|\bh|^attn_out|^attn_grad|^perturbation|^unit_noise|^hidden)\.(\d+)", RegexOptions.CultureInvariant)]
    private static partial Regex LayerName();
}
