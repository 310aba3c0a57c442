namespace VaccineRef.Models;

/// <summary>How many blocks a checkpoint has, by its tensors' names.</summary>
internal static class LayerCount
{
    /// <summary>Refuses a configuration that asks for more blocks than there are, before any is built.</summary>
    /// <exception cref="CheckpointException">Some block has no tensor.</exception>
    public static void Check(ConfigReader config, string family, Checkpoint checkpoint)
    {
        string key = family == "gpt2" ? "n_layer" : "num_hidden_layers";
        int asked = config.Layers(key);
        var there = checkpoint.Tensors.Keys.Select(BlockNumber.Of).OfType<int>().Where(layer => layer < asked)
            .ToHashSet();
        if (there.Count < asked)
            throw new CheckpointException(
                "the configuration asks for blocks that the weights lack", config.File, key, $"{asked}",
                $"{there.Count}, the number of those that {Path.GetFileName(checkpoint.Path)} has",
                "take config.json and the weights from the same place");
    }
}
