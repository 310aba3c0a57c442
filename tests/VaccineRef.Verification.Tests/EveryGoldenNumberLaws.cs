using System.IO.Enumeration;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Verification.Tests;

/// <summary>
/// Whatever a golden case holds is compared: each kind of tensor and of number is altered, its first and its last, and
/// some comparison fails. What is not compared stands in a list with the reason, and what stands there in vain is red
/// too.
/// </summary>
public sealed partial class EveryGoldenNumberLaws : IDisposable
{
    private const string Theirs = "a number of PyTorch's alone";
    private const string Broken = "the released code keeps the last micro-batch alone; VaccineRef does not";
    private const string Padded =
        "counts padded positions, which packed rows do not have; the first step is compared, where the penalty is 0";

    private static readonly Dictionary<string, string> NotCompared = new()
    {
        ["seed"] = "how the case was made",
        ["attention_layers"] = "how the case was made; the layers are counted in its lists",
        ["batch_size"] = "the batches themselves say how large they are",
        ["pad_token_id"] = "packed rows have no padding",
        ["forward.leftpad_vs_rightpad_max_abs_diff"] = Theirs,
        ["lora.merged_vs_unmerged_logits_max_abs_diff"] = Theirs,
        ["forward.loss_from_token_nll"] = "the mean of a tensor that is compared",
        ["forward.n_target_tokens"] = "the loss is a mean over them",
        ["greedy[].prompt_len"] = "says which of the ids are compared",
        ["random_vaccine.std"] = "the root of the variance, which is read",
        ["optimizer.clip_eps"] = "a constant of PyTorch",
        ["train.*.steps[].seq_len"] = "packed rows have no common length",
        ["train.*.max_steps"] = "the list of steps has as many",
        ["train.vaccine_accumN_official.*"] = Broken,
        ["accumN.official_*"] = Broken,
        ["ewc.official*"] = "the released code leaves the gradient of its estimate in the first step's; VaccineRef does not",
        ["ewc.corrected.steps[].seq_len"] = "packed rows have no common length",
        ["ewc.corrected.steps[].penalty"] = "a part of the loss, which is compared",
        ["kl.lamb"] = Padded,
        ["kl.*_dim*"] = Padded,
    };

    private readonly CpuDevice _device = new(1);

    public void Dispose() => _device.Dispose();

    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama_lora")]
    [InlineData("opt")]
    public void Every_tensor_is_compared(string name)
    {
        using var copy = new GoldenCopy(name);
        var compared = new Dictionary<string, bool>();
        foreach (string path in Directory.GetFiles(copy.Folder, "*.safetensors"))
        {
            string file = Path.GetFileNameWithoutExtension(path);
            if (file is "model" or "adapter_model" or "batches")        // inputs: all numbers follow from them
                continue;
            string[] tensors;
            using (var open = SafetensorsFile.Open(path))
                tensors = [.. open.Tensors.Values.Where(tensor => tensor.Type.IsFloat).Select(tensor => tensor.Name)];
            byte[] before = File.ReadAllBytes(path);
            foreach (var kind in tensors
                .GroupBy(tensor => $"{Digits().Replace(file, "N")}.{Digits().Replace(tensor.Split('/')[0], "N")}"))
                foreach (string tensor in (string[])[kind.First(), .. kind.Skip(1).TakeLast(1)])
                {
                    copy.Rewrite(
                        file, tensor, values => values with
                        {
                            Numbers = [.. values.Numbers.Select(value => (1.001 * value) + 1e-3)]
                        });
                    Note(compared, kind.Key, Fails(copy, file.Split('_')[0]));
                    File.WriteAllBytes(path, before);
                }
        }

        Require(compared);
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama_lora")]
    public void Every_number_of_the_manifest_is_compared(string name)
    {
        using var copy = new GoldenCopy(name);
        string before = copy.Manifest.ToJsonString();
        var compared = new Dictionary<string, bool>();
        foreach (var kind in Numbers(copy.Manifest, "", []).GroupBy(number => number.Kind))
            foreach (object[] path in (object[][])[kind.First().Path,
                .. kind.Skip(1).Select(number => number.Path).TakeLast(1)])
            {
                var manifest = JsonNode.Parse(before)!;
                Move(manifest, path);
                copy.Write(manifest);
                Note(compared, kind.Key, Fails(copy, (string)path[0]));
            }

        Require(compared);
    }

    /// <summary>
    /// Where a list of numbers lacks its last, that is noticed. Text is generated for as many tokens as the case has.
    /// </summary>
    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama_lora")]
    public void Every_list_of_numbers_is_whole(string name)
    {
        using var copy = new GoldenCopy(name);
        string before = copy.Manifest.ToJsonString();
        var compared = new Dictionary<string, bool>();
        var lists = Numbers(copy.Manifest, "", []).Where(number => number.Path[^1] is int)
            .Select(number => (number.Kind, Path: number.Path[..^1]));
        foreach (var kind in lists.GroupBy(list => list.Kind))
        {
            object[] path = kind.First().Path;
            var manifest = JsonNode.Parse(before)!;
            var list = At(manifest, path).AsArray();
            list.RemoveAt(list.Count - 1);
            copy.Write(manifest);
            Note(compared, kind.Key, Fails(copy, (string)path[0]));
        }

        Assert.Equal(["greedy[].ids[]"], compared.Where(each => !each.Value).Select(each => each.Key));
    }

    /// <summary>
    /// The first step towards a teacher is compared in either form, although the later ones are not
    /// (<see cref="Padded"/>).
    /// </summary>
    [Theory]
    [InlineData("corrected_dimlast")]
    [InlineData("official_dim1")]
    public void The_first_step_of_either_divergence_is_compared(string form)
    {
        using var copy = new GoldenCopy("llama_lora");
        string before = copy.Manifest.ToJsonString();
        foreach (string quantity in (string[])["loss", "param_grad_norm", "lr"])
        {
            var manifest = JsonNode.Parse(before)!;
            Move(manifest, ["kl", form, "train", "steps", 0, quantity]);
            copy.Write(manifest);
            Assert.True(Fails(copy, "kl"), $"{quantity} is not compared");
        }
    }

    /// <summary>
    /// Whether a comparison fails, or the case is refused; only those are made that look at this part of the manifest.
    /// </summary>
    private bool Fails(GoldenCopy copy, string part)
    {
        try
        {
            using var golden = new GoldenCase(copy.Folder);
            var context = new VerifyContext<double>(golden, _device, Bounds.Double);
            var comparisons = part switch
            {
                "forward" or "greedy" or "lora" => new ForwardChecks<double>(context).Run(),
                "train" or "drift" or "optimizer" or "params" => new TrainingChecks<double>(context).Run(),
                "ewc" or "kl" => new BaselineChecks<double>(context).Run(),
                _ => new GradientChecks<double>(context).Run(),
            };
            return comparisons.Any(comparison => !comparison.Passed);
        }
        catch (InputException)
        {
            return true;
        }
    }

    private static void Note(Dictionary<string, bool> compared, string kind, bool fails) =>
        compared[kind] = compared.GetValueOrDefault(kind, true) && fails;

    private static void Require(Dictionary<string, bool> compared)
    {
        static bool IsListed(string kind) =>
            NotCompared.Keys.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, kind));
        string[] silent = [.. compared.Keys.Where(kind => !compared[kind] && !IsListed(kind))];
        string[] inVain = [.. compared.Keys.Where(kind => compared[kind] && NotCompared.ContainsKey(kind))];
        Assert.True(silent.Length == 0, $"not compared: {string.Join(", ", silent)}");
        Assert.True(inVain.Length == 0, $"compared, although the list says otherwise: {string.Join(", ", inVain)}");
    }

    /// <summary>All numbers with their paths; those of a list, and those of parameters, are of one kind.</summary>
    private static IEnumerable<(string Kind, object[] Path)> Numbers(JsonNode? node, string kind, object[] path) => node switch
    {
        JsonObject named => named.Where(part => part.Key != "tensor_files").SelectMany(part => Numbers(
            part.Value, kind.EndsWith("_by_param", StringComparison.Ordinal)
                ? kind + ".*"
                : $"{kind}.{Digits().Replace(part.Key, "N")}".TrimStart('.'),
            [.. path, part.Key])),
        JsonArray list => list.Index().SelectMany(part => Numbers(part.Item, kind + "[]", [.. path, part.Index])),
        JsonValue value when value.GetValueKind() == JsonValueKind.Number => [(kind, path)],
        _ => [],
    };

    private static JsonNode At(JsonNode manifest, object[] path) =>
        path.Aggregate(manifest, (node, key) => key is int index ? node[index]! : node[(string)key]!);

    private static void Move(JsonNode manifest, object[] path)
    {
        var at = At(manifest, path).AsValue();
        at.ReplaceWith(at.TryGetValue(out long whole)
            ? JsonValue.Create(whole + 1)
            : JsonValue.Create((double)at + 1e-3 + (1e-3 * Math.Abs((double)at))));
    }

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Digits();
}
