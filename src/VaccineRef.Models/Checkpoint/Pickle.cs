namespace VaccineRef.Models;

/// <summary>PyTorch's pickle files, which run code when read: refused, with the way to convert them.</summary>
internal static class Pickle
{
    private static readonly string[] Extensions = [".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"];

    public static bool Is(string path) => Extensions.Contains(Path.GetExtension(path).ToLowerInvariant());

    /// <summary>The complaint about a checkpoint that is a pickle file, or that is missing where perhaps pickle files stand.</summary>
    public static CheckpointException Refuse(string path)
    {
        var folder = Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : ".";
        string[] pickles = !Is(path) ? [.. Files(folder).Where(Is).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)]
            : File.Exists(path) ? [Path.GetFileName(path)]
            : [];
        if (pickles is [])
        {
            return new CheckpointException(
                "the model file is missing", path, null,
                CheckpointException.Names([.. Files(folder).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)]),
                "a safetensors file, or a folder with model.safetensors or model.safetensors.index.json");
        }

        return new CheckpointException(
            "the checkpoint is in PyTorch's pickle format", folder, null, CheckpointException.Names(pickles), "safetensors",
            $"convert it, in that folder, with{Environment.NewLine}{Conversion(pickles)}");
    }

    private static IEnumerable<string> Files(string folder) => Directory.Exists(folder) ? Directory.EnumerateFiles(folder) : [];

    // Whole models go through transformers, which joins shards and drops tied copies.
    private static string Conversion(string[] pickles)
    {
        const string Indent = "              ";
        if (pickles.Any(file => file.StartsWith("pytorch_model", StringComparison.Ordinal)))
        {
            return $"{Indent}from transformers import AutoModelForCausalLM{Environment.NewLine}"
                + $"""{Indent}AutoModelForCausalLM.from_pretrained(".", torch_dtype="auto").save_pretrained(".", safe_serialization=True)""";
        }

        var (from, to) = (pickles[0], Path.ChangeExtension(pickles[0], ".safetensors"));
        return $"{Indent}import torch, safetensors.torch as s; w = torch.load('{from}', map_location='cpu', weights_only=True)"
            + $"{Environment.NewLine}{Indent}"
            + $$"""s.save_file({k: v.clone().contiguous() for k, v in w.items()}, '{{to}}', metadata={'format': 'pt'})""";
    }
}
