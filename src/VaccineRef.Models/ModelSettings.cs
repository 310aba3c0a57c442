namespace VaccineRef.Models;

/// <summary>How the settings that several families share are read.</summary>
internal static class ModelSettings
{
    /// <summary>The most blocks and the most columns of a head that a configuration may ask for.</summary>
    public const int MostLayers = 1 << 14, MostHeadColumns = 1 << 14;

    extension(ConfigReader config)
    {
        /// <summary>A whole number, at least 1.</summary>
        public int Size(string key) =>
            config.Int(key) is > 0 and var size ? size : throw config.Unsupported(key, "1 or more");

        /// <summary>A whole number, at least 1, or <paramref name="otherwise"/> where the key is absent.</summary>
        public int Size(string key, int otherwise) => config.Has(key) ? config.Size(key) : otherwise;

        /// <summary>
        /// The number of blocks. Beyond a limit far above any model's it is refused: memory is taken by it.
        /// </summary>
        public int Layers(string key) =>
            config.Size(key) is <= MostLayers and var layers
                ? layers
                : throw config.Unsupported(key, $"at most {MostLayers}");

        /// <summary>A number above 0, or <paramref name="otherwise"/> where the key is absent.</summary>
        public double Positive(string key, double otherwise) =>
            config.Double(key, otherwise) is > 0 and var value ? value : throw config.Unsupported(key, "above 0");

        /// <summary>A probability of dropping, at least 0 and below 1.</summary>
        public double Rate(string key, double otherwise) =>
            config.Double(key, otherwise) is >= 0 and < 1 and var rate
                ? rate
                : throw config.Unsupported(key, "at least 0 and below 1");

        /// <summary>How many columns each of <paramref name="heads"/> gets.</summary>
        public int Share(string key, int columns, int heads) =>
            columns % heads == 0 ? columns / heads : throw config.Unsupported(key, $"a number that divides {columns}");

        /// <summary>
        /// The padding row of the embedding; -1 for none. A negative id counts from the end, as in torch.
        /// </summary>
        public int Padding(int? otherwise, int vocabulary)
        {
            const string Key = "pad_token_id";
            if (!config.Has(Key))
                return otherwise ?? -1;
            int id = config.Int(Key);
            id = id < 0 ? id + vocabulary : id;
            return (uint)id < (uint)vocabulary
                ? id
                : throw config.Unsupported(Key, $"a row of the embedding, below {vocabulary}");
        }

        /// <summary>The name of an activation, one that <see cref="Activations"/> knows.</summary>
        public string Activation(string key, string otherwise) =>
            config.String(key, otherwise) is var name && Activations.Names.Contains(name)
                ? name
                : throw config.Unsupported(key, string.Join(", ", Activations.Names));

        /// <summary>Refuses what no family here does.</summary>
        public void RequirePlainDecoder()
        {
            config.RequireEmpty("quantization_config");
            config.RequireEmpty("pruned_heads");
            config.RequireAbsentOrEqual("is_encoder_decoder", false);
            config.RequireAbsentOrEqual("add_cross_attention", false);
        }
    }
}
