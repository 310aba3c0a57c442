namespace VaccineRef.Models;

/// <summary>PyTorch's pickle files, which run code when read: refused, with the way to convert them.</summary>
internal static class Pickle
{
    private static readonly string[] Extensions = [".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"];

    /// <summary>
    /// Whether a file of this name holds weights as a pickle; what a trainer keeps beside them does not.
    /// </summary>
    public static bool Is(string path) =>
        Extensions.Contains(Path.GetExtension(path).ToLowerInvariant())
        && !MissingWeights.IsTrainerState(Path.GetFileName(path));

    /// <summary>
    /// The complaint about a checkpoint that is a pickle file, or that is missing where perhaps pickle files stand.
    /// </summary>
    public static CheckpointException Refuse(string path)
    {
        var folder = Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : ".";
        string[] files = Directory.Exists(folder)
            ? [.. Directory.EnumerateFiles(folder).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)]
            : [];
        string[] pickles = Is(path) ? [.. files.Where(file => file == Path.GetFileName(path))] : [.. files.Where(Is)];
        if (pickles is [] || pickles.All(file => file.StartsWith("pytorch_model_fsdp", StringComparison.Ordinal)))
            return MissingWeights.Describe(path);
        if (pickles.FirstOrDefault(file => GitLfsPointer.Is(Path.Combine(folder, file))) is { } pointer)
            return GitLfsPointer.Refuse(Path.Combine(folder, pointer), "weights, best as safetensors");

        return new CheckpointException(
            "the checkpoint is in PyTorch's pickle format", folder, null, CheckpointException.Names(pickles),
            "safetensors", $"convert it, in that folder, with{Environment.NewLine}{Conversion(pickles)}");
    }

    // Whole models go through transformers, which joins shards and drops tied copies.
    private static string Conversion(string[] pickles)
    {
        var safe = Path.ChangeExtension(pickles[0], "safetensors");
        return pickles.Any(file => file.StartsWith("pytorch_model", StringComparison.Ordinal))
            ? """
                  from transformers import AutoModelForCausalLM as Model
                  Model.from_pretrained(".", torch_dtype="auto").save_pretrained(".", safe_serialization=True)
              """
            : $$"""
                  import torch, safetensors.torch as st; w = torch.load("{{pickles[0]}}", "cpu", weights_only=True)
                  st.save_file({k: v.clone() for k, v in w.items()}, "{{safe}}", metadata={"format": "pt"})
              """;
    }
}
