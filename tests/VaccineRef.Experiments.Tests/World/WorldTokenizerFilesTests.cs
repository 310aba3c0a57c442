using VaccineRef.Core;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.World;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Tests.World;

public sealed class WorldTokenizerFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vaccineref-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_files_of_the_world_s_tokenizer_give_its_ids_for_every_text_of_the_world()
    {
        WorldTokenizerFiles.Write(_folder);
        var (read, own) = (TextTokenizer.Load(_folder), new WorldTokenizer());
        Assert.Equal((own.VocabularySize, own.EosId), (read.VocabularySize, read.EosId));
        var world = new SyntheticWorld(3, new WorldOptions());
        foreach (var example in world.HarmfulTest.Concat(world.BenignTest).Concat(world.Alignment())
            .Concat(world.Pretraining(500)))
            foreach (string text in (string[])[example.Prompt, example.Answer, $"{example.Prompt} {example.Answer}"])
            {
                Assert.Equal(own.Encode(text), read.Encode(text));
                Assert.Equal(text, read.Decode(read.Encode(text)));
            }
    }

    [Fact]
    public void An_exported_world_model_computes_the_same_and_ends_where_it_did()
    {
        using var device = new CpuDevice(threads: 1);
        var options = new WorldModelOptions { Hidden = 16, Layers = 1, Heads = 2 };
        using var model = options.Load<float>(".", device, RandomStream.FromSeed(5));
        model.Export(Path.Combine(_folder, "out"), TensorType.F32, to => options.WriteTokenizer(".", to));
        using var exported = LanguageModel.Load<float>(Path.Combine(_folder, "out"), device);
        Assert.Equal(model.Identity, exported.Identity);
        Assert.Equal([0], exported.EndIds);
        Assert.Equal(["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"],
            Directory.GetFiles(Path.Combine(_folder, "out")).Select(Path.GetFileName).Order());
    }
}
