namespace VaccineRef.Models.Tests;

/// <summary>Every checkpoint of the shared reference inputs opens, and every number in it can be read.</summary>
public sealed class SharedCheckpoints
{
    private static readonly string? Shared = Environment.GetEnvironmentVariable("VACCINEREF_SHARED");

    [Theory]
    [InlineData("golden")]
    [InlineData("models/stories260K")]
    public void Every_file_opens_and_reads(string folder)
    {
        var files = Directory.GetFiles(Folder(folder), "*.safetensors", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        foreach (var path in files)
        {
            using var file = SafetensorsFile.Open(path);
            var raw = RawSafetensors.Read(File.ReadAllBytes(path));
            Assert.Equal(raw.Keys.Order(), file.Tensors.Keys.Order());
            foreach (var (name, entry) in file.Tensors)
                Assert.Equal(raw[name].Bytes, Bytes(file, entry));
        }
    }

    [Theory]
    [InlineData("golden/llama_gqa")]
    [InlineData("golden/llama_mha_f32")]
    [InlineData("golden/opt")]
    [InlineData("models/stories260K")]
    public void Model_folders_open_with_their_configuration(string folder)
    {
        using var checkpoint = Checkpoint.Open(Folder(folder));
        var config = ConfigReader.Open(Folder(folder));
        var name = checkpoint.Tensors.Keys.Single(key => key.EndsWith("embed_tokens.weight", StringComparison.Ordinal));
        long[] expected = [config.Int("vocab_size"), config.Int("hidden_size")];
        Assert.Equal(expected, checkpoint.Entry(name).Shape.AsEnumerable());
    }

    [Fact]
    public void The_adapter_that_peft_0_5_0_wrote_is_read()
    {
        var folder = Folder("golden/llama_lora");
        var config = AdapterConfig.Read(folder);
        Assert.Equal((4, 4.0, 1.0), (config.Rank, config.Alpha, config.Scaling));
        Assert.Equal(7, config.Targets.Names.Length);
        using var model = Checkpoint.Open(folder);
        using var adapter = Checkpoint.Open(Path.Combine(folder, "adapter_model.safetensors"));
        var adapted = adapter.Tensors.Keys.Select(name => name["base_model.model.".Length..].Split(".lora_")[0]);
        var modules = model.Tensors.Keys.Select(name => name[..name.LastIndexOf('.')]);
        Assert.Equal(adapted.Distinct().Order(), modules.Where(config.Adapts).Order());
    }

    private static string Folder(string name)
    {
        Assert.SkipWhen(Shared is null, "VACCINEREF_SHARED does not name the folder of reference inputs");
        return Path.Combine(Shared, name);
    }

    private static byte[] Bytes(SafetensorsFile file, TensorEntry entry)
    {
        switch (entry.Type)
        {
            case TensorType.F32:
                var singles = new float[entry.Count];
                file.Read<float>(entry.Name, singles);
                return [.. singles.SelectMany(BitConverter.GetBytes)];
            case TensorType.F64:
                var doubles = new double[entry.Count];
                file.Read<double>(entry.Name, doubles);
                return [.. doubles.SelectMany(BitConverter.GetBytes)];
            default:
                Assert.Equal(TensorType.I64, entry.Type);
                return [.. file.ReadIntegers(entry.Name).SelectMany(BitConverter.GetBytes)];
        }
    }
}
