using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VaccineRef.Core;

namespace VaccineRef.Models.Tests;

/// <summary>Folders as people have them: what loads, and what is named instead.</summary>
public sealed class CheckpointFolderTests : IDisposable
{
    private const string Index = "model.safetensors.index.json", Single = "model.safetensors";

    private const string Pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4665\nsize 2200119864\n";

    private readonly CpuDevice _device = new(2);
    private readonly TempFolder _folder = new();

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("module.")]
    [InlineData("_orig_mod.")]
    [InlineData("base_model.model.")]
    [InlineData("module._orig_mod.")]
    public void A_prefix_is_named_and_can_be_stripped(string prefix)
    {
        foreach (var (variant,
            bare) in new[] { ("llama", ""), ("opt", "model."), ("gpt2", ""), ("gpt2", "transformer.") })
        {
            var tiny = new TinyModel(variant, 9, 1, [5]);
            using var model = tiny.Create<double>(_device);
            string folder = ModelFiles.Write(
                _folder, $"{variant}{bare}", tiny.Json, model.Network.Parameters.Select(parameter =>
                    ModelFiles.Tensor(parameter, prefix + parameter.Name[bare.Length..])));
            string named = Regex.Match(Refused(folder), @"--strip-prefix (\S+)").Groups[1].Value;
            Assert.Equal(prefix == "base_model.model." && bare == "model." ? "base_model." : prefix, named);
            using var loaded = LanguageModel.Load<double>(folder, _device, stripPrefix: named);
            Assert.Equal(
                model.Logits(PackedBatch.Pack(tiny.Sequences)), loaded.Logits(PackedBatch.Pack(tiny.Sequences)));
            loaded.Save(_folder.File($"{variant}{bare} saved"));
            using var again = LanguageModel.Load<double>(_folder.File($"{variant}{bare} saved"), _device);
            Assert.Contains("no tensor has the prefix", Assert.Throws<CheckpointException>(
                () => LanguageModel.Load<double>(_folder.File($"{variant}{bare} saved"), _device, stripPrefix: "wrong.")).What);
        }
    }

    [Fact]
    public void Constants_that_the_index_does_not_list_are_left_aside()
    {
        var constant = TensorData.Floats<double>(
            "model.layers.0.self_attn.rotary_emb.inv_freq", TensorType.F64, [1], new double[1]);
        var (folder, expected) = Cut("llama", (shard, tensors) => [.. tensors, constant]);
        Assert.Equal(expected, Logits(folder));
    }

    [Fact]
    public void A_tied_head_that_the_index_still_lists_may_be_gone()
    {
        var (folder, expected) = Cut("llama grouped tied", (_, tensors) => tensors, index =>
            index["weight_map"]!["lm_head.weight"] = "model-00002-of-00002.safetensors");
        Assert.Equal(expected, Logits(folder));

        (folder, _) = Cut("llama", (_, tensors) => [.. tensors.Where(tensor => tensor.Name != "lm_head.weight")]);
        Assert.Contains("missing: lm_head.weight", Refused(folder));
    }

    [Fact]
    public void An_index_whose_shards_are_gone_is_left_aside()
    {
        var (folder, expected) = Cut("llama", (_, tensors) => tensors);
        using (var model = LanguageModel.Load<double>(folder, _device))
            SafetensorsWriter.Write(Path.Combine(folder, Single), [.. ModelFiles.Tensors(model)]);
        Assert.Contains("two checkpoints", Refused(folder));
        foreach (string shard in Directory.GetFiles(folder, "model-*"))
            File.Delete(shard);
        Assert.Equal(expected, Logits(folder));
    }

    [Theory]
    [InlineData(Single)]
    [InlineData(Index)]
    [InlineData("config.json")]
    [InlineData("pytorch_model.bin")]
    public void A_pointer_of_git_lfs_is_named(string file)
    {
        _folder.Write("config.json", new TinyModel("llama", 9, 1, [5]).Json.ToJsonString());
        _folder.Write(file, Pointer);
        string message = Refused(_folder.Path);
        Assert.Contains("Git LFS pointer", message);
        Assert.Contains(file, message);
        Assert.Contains("git lfs pull", message);
    }

    [Theory]
    [InlineData("model-00001-of-00002.safetensors", "index of the shards is missing", Index)]
    [InlineData("consolidated.safetensors", "Mistral", "index")]
    [InlineData("adapter_model.safetensors", "an adapter and no model", "base model")]
    [InlineData("checkpoint-9/;checkpoint-100/;checkpoint-20/", "folders below it", "checkpoint-100")]
    [InlineData("pytorch_model_fsdp_0/", "distributed run", "merge-weights")]
    [InlineData("pytorch_model_fsdp.bin", "distributed run", "merge-weights")]
    [InlineData("__0_0.distcp;.metadata", "distributed run", "merge-weights")]
    [InlineData("global_step100/;zero_to_fp32.py;latest", "distributed run", "zero_to_fp32.py")]
    [InlineData("optimizer.pt", "only a trainer's state", "optimizer.pt")]
    [InlineData("model.gguf", "the model file is missing", "model.gguf")]
    public void What_lies_there_instead_is_said(string files, string what, string named)
    {
        string[] state =
        [
            "training_args.bin", "scheduler.pt", "rng_state_0.pth", "random_states_0.pkl", "trainer_state.json",
        ];
        _folder.Write("config.json", new TinyModel("llama", 9, 1, [5]).Json.ToJsonString());
        foreach (string file in files.Split(';').Concat(named == "model.gguf" ? [] : state))
        {
            if (file.EndsWith('/'))
                Directory.CreateDirectory(_folder.File(file));
            else
                _folder.Write(file, "never read");
        }
        string message = Refused(_folder.Path);
        Assert.Contains(what, message);
        Assert.Contains(named, message);
        Assert.DoesNotContain("torch.load", message);
        Assert.DoesNotContain("from_pretrained", message);
    }

    [Fact]
    public void A_trainers_files_beside_a_pickle_are_not_to_be_converted()
    {
        foreach (string file in new[] { "pytorch_model.bin", "training_args.bin", "optimizer.pt" })
            _folder.Write(file, "never read");
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(_folder.Path));
        Assert.Contains("from_pretrained", error.Message);
        Assert.DoesNotContain("training_args", error.Message);
    }

    [Fact]
    public void A_shard_that_is_a_link_out_of_its_folder_is_not_followed()
    {
        var (folder, expected) = Cut("llama", (_, tensors) => tensors);
        string shard = Directory.GetFiles(folder, "model-00001*").Single(), name = Path.GetFileName(shard);
        File.Move(shard, _folder.File(name));
        File.CreateSymbolicLink(shard, _folder.File(name));
        Assert.Contains("leads out of its folder", Refused(folder));

        // A link within the folder, and the cache of the hub, whose snapshots are links into blobs, are read.
        File.Delete(shard);
        File.Move(_folder.File(name), Path.Combine(folder, "other"));
        File.CreateSymbolicLink(shard, "other");
        Assert.Equal(expected, Logits(folder));
        string snapshot = Directory.CreateDirectory(_folder.File("models--a--b/snapshots/rev")).FullName;
        string blobs = Directory.CreateDirectory(_folder.File("models--a--b/blobs")).FullName;
        foreach (string file in Directory.GetFiles(folder, "*.*"))
        {
            File.Copy(file, Path.Combine(blobs, $"{Path.GetFileName(file)}.hash"));
            File.CreateSymbolicLink(
                Path.Combine(snapshot, Path.GetFileName(file)), $"../../blobs/{Path.GetFileName(file)}.hash");
        }
        Assert.Equal(expected, Logits(snapshot));
        Directory.CreateSymbolicLink(_folder.File("alias"), snapshot);
        Assert.Equal(expected, Logits(_folder.File("alias")));
    }

    [Theory]
    [InlineData("llama", "num_hidden_layers", 1_000_000)]
    [InlineData("llama", "num_hidden_layers", 65_536)]
    [InlineData("llama", "num_hidden_layers", int.MaxValue)]
    [InlineData("llama", "num_hidden_layers", 2)]
    [InlineData("opt", "num_hidden_layers", 1_000_000)]
    [InlineData("gpt2", "n_layer", 65_536)]
    [InlineData("gpt2", "n_layer", 12)]
    [InlineData("llama", "head_dim", 1 << 30)]
    public void More_than_the_weights_have_is_refused_before_memory_is_taken(string variant, string key, int value)
    {
        var tiny = new TinyModel(variant, 9, 1, [5]);
        using var model = tiny.Create<double>(_device);
        var json = tiny.Json;
        json[key] = value;
        string folder = ModelFiles.Write(_folder, "many", json, ModelFiles.Tensors(model));
        long before = GC.GetTotalAllocatedBytes();
        var error = Assert.Throws<CheckpointException>(() => LanguageModel.Load<double>(folder, _device));
        Assert.Equal(key, error.Key);
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 10 << 20);
    }

    [Theory]
    [InlineData("llama", "vocab_size")]
    [InlineData("llama", "intermediate_size")]
    [InlineData("opt", "ffn_dim")]
    [InlineData("opt", "max_position_embeddings")]
    [InlineData("gpt2", "n_inner")]
    [InlineData("gpt2", "n_positions")]
    public void A_size_beyond_the_tensors_is_refused_before_memory_is_taken(string variant, string key)
    {
        var tiny = new TinyModel(variant, 9, 1, [5]);
        using var model = tiny.Create<double>(_device);
        var json = tiny.Json;
        json[key] = 1_000_000_000;
        string folder = ModelFiles.Write(_folder, "large", json, ModelFiles.Tensors(model));
        Assert.Contains("another shape", Refused(folder));

        folder = ModelFiles.Write(_folder, "without", json, ModelFiles.Tensors(model).Where(tensor =>
            !tensor.Name.Contains("embed", StringComparison.Ordinal)
                && !tensor.Name.Contains("fc", StringComparison.Ordinal)
            && !tensor.Name.Contains("wte", StringComparison.Ordinal)
            && !tensor.Name.Contains("wpe", StringComparison.Ordinal)
            && !tensor.Name.Contains("mlp", StringComparison.Ordinal)
            && !tensor.Name.Contains("lm_head", StringComparison.Ordinal)));
        Assert.Contains("missing", Refused(folder));
    }

    private string Refused(string folder) =>
        Assert.Throws<CheckpointException>(() => LanguageModel.Load<double>(folder, _device)).Message;

    private double[] Logits(string folder)
    {
        using var model = LanguageModel.Load<double>(folder, _device);
        return model.Logits(PackedBatch.Pack([[1, 2, 3, 4]]));
    }

    /// <summary>A model in two shards, changed on the way; and its logits.</summary>
    private (string Folder, double[] Logits) Cut(
        string variant, Func<int, TensorData[], TensorData[]> change, Action<JsonNode>? edit = null)
    {
        var tiny = new TinyModel(variant, 9, 1, [5]);
        using var model = tiny.Create<double>(_device);
        string folder =
            Directory.CreateDirectory(_folder.File($"cut {Directory.GetDirectories(_folder.Path).Length}")).FullName;
        File.WriteAllText(Path.Combine(folder, "config.json"), tiny.Json.ToJsonString());
        TensorData[] all = [.. ModelFiles.Tensors(model)];
        var map = new JsonObject();
        foreach (var (i, tensors) in all.Chunk((all.Length / 2) + 1).Index())
        {
            string shard = $"model-0000{i + 1}-of-00002.safetensors";
            foreach (var tensor in tensors)
                map[tensor.Name] = shard;
            SafetensorsWriter.Write(Path.Combine(folder, shard), change(i, tensors));
        }

        var index = new JsonObject { ["metadata"] = new JsonObject(), ["weight_map"] = map };
        edit?.Invoke(index);
        File.WriteAllText(Path.Combine(folder, Index), index.ToJsonString());
        return (folder, model.Logits(PackedBatch.Pack([[1, 2, 3, 4]])));
    }
}
