using System.Text.RegularExpressions;

namespace VaccineRef.Models;

/// <summary>What a folder without readable weights holds instead, and what to do about it.</summary>
internal static partial class MissingWeights
{
    private const string Expected =
        "a safetensors file, or a folder with model.safetensors or model.safetensors.index.json";

    // What trainers write beside the weights: none of it is a model.
    private static readonly string[] TrainerFiles =
        ["training_args.", "optimizer.", "scheduler.", "scaler.", "rng_state", "random_states", "trainer_state."];

    /// <summary>Whether a file of this name belongs to a trainer's state and not to a model.</summary>
    public static bool IsTrainerState(string file) =>
        TrainerFiles.Any(begin => file.StartsWith(begin, StringComparison.Ordinal));

    /// <summary>The complaint about a checkpoint that is not there.</summary>
    public static CheckpointException Describe(string path)
    {
        string folder = Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : ".";
        string[] all = Directory.Exists(folder)
            ? [.. new DirectoryInfo(folder).EnumerateFileSystemInfos()
                .Select(entry => entry is DirectoryInfo ? entry.Name + "/" : entry.Name).Order(StringComparer.Ordinal)]
            : [];
        var (what, found, remedy) = Cause(all);
        return new CheckpointException(
            what, remedy is null ? path : folder, null, $"in that folder: {CheckpointException.Names(found)}", Expected,
            remedy);
    }

    private static (string What, string[] Found, string? Remedy) Cause(string[] all)
    {
        if (Shards(all) is { Length: > 0 } shards)
            return ("the index of the shards is missing", shards,
                $"fetch {ShardIndex.FileName} from where the shards came from");
        if (all.Contains("consolidated.safetensors"))
            return (
                "the weights are in the layout that Mistral releases beside Hugging Face's",
                ["consolidated.safetensors"],
                "fetch the files model-00001-of-... and their index from the same place");
        if (all.Contains("adapter_model.safetensors") || all.Contains("adapter_model.bin"))
            return ("the folder holds an adapter and no model", [.. all.Where(IsAdapter)],
                "name the folder of the adapter's base model, and give this folder as the adapter");
        if (all.Where(IsSharded).ToArray() is { Length: > 0 } sharded)
            return ("the weights are shards of a distributed run", sharded, sharded.Any(IsZero)
                ? "join them with: python zero_to_fp32.py . JOINED --safe_serialization"
                : "join them with: accelerate merge-weights FOLDER JOINED");
        if (all.Where(name => Step().IsMatch(name)).OrderBy(Number).ToArray() is { Length: > 0 } steps)
            return ("the folder is a training run's, whose models lie in folders below it", steps,
                $"name one of them, such as {steps[^1].TrimEnd('/')}");
        return all.Any(IsTrainerState)
            ? ("the weights are missing: there is only a trainer's state", all,
                "copy the weights from the training run")
            : ("the model file is missing", all, null);
    }

    private static string[] Shards(string[] all) => [.. all.Where(name => Shard().IsMatch(name))];

    private static bool IsAdapter(string name) => name.StartsWith("adapter_", StringComparison.Ordinal);

    private static bool IsZero(string name) => name is "zero_to_fp32.py" || GlobalStep().IsMatch(name);

    private static bool IsSharded(string name) => IsZero(name) || name.EndsWith(".distcp", StringComparison.Ordinal)
        || (name.StartsWith("pytorch_model_fsdp", StringComparison.Ordinal));

    private static long Number(string step) =>
        long.TryParse(step.TrimEnd('/')[(step.LastIndexOf('-') + 1)..], out long number) ? number : 0;

    [GeneratedRegex(@"\Acheckpoint-[0-9]+/\z", RegexOptions.CultureInvariant)]
    private static partial Regex Step();

    [GeneratedRegex(@"\Aglobal_step[0-9]+/\z", RegexOptions.CultureInvariant)]
    private static partial Regex GlobalStep();

    [GeneratedRegex(@"\Amodel-[0-9]+-of-[0-9]+\.safetensors\z", RegexOptions.CultureInvariant)]
    private static partial Regex Shard();
}
