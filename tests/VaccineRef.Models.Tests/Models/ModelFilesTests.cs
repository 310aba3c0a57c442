using VaccineRef.Core;

namespace VaccineRef.Models.Tests;

/// <summary>Loading and saving whole models.</summary>
public sealed class ModelFilesTests : IDisposable
{
    private static readonly TensorType[] Types = [TensorType.F64, TensorType.F32, TensorType.F16, TensorType.BF16];

    private readonly CpuDevice _device = new(2);
    private readonly TempFolder _folder = new();

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 30)]
    public void A_model_comes_back_from_its_folder_bit_by_bit(TinyModel tiny)
    {
        using var folder = new TempFolder();
        using var model = tiny.Create<double>(_device);
        model.Save(folder.File("one"));
        using var again = LanguageModel.Load<double>(folder.File("one"), _device);
        Assert.Equal(model.Network.Shape, again.Network.Shape);
        Assert.Equal(model.Network.Parameters.Select(p => p.Name), again.Network.Parameters.Select(p => p.Name));
        Assert.Equal(model.Logits(PackedBatch.Pack(tiny.Sequences)), again.Logits(PackedBatch.Pack(tiny.Sequences)));
    }

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 30)]
    public void Saving_what_was_loaded_gives_the_same_file_whatever_its_types(TinyModel tiny)
    {
        using var folder = new TempFolder();
        using var model = tiny.Create<double>(_device);
        string first = ModelFiles.Write(folder, "one", tiny.Json, model.Network.Parameters.Select((parameter, i) =>
            ModelFiles.Tensor(parameter, type: Types[(i + tiny.Layers) % Types.Length])));
        using var loaded = LanguageModel.Load<double>(first, _device);
        loaded.Save(folder.File("two"));
        foreach (string file in new[] { "model.safetensors", "config.json" })
            Assert.Equal(File.ReadAllBytes(Path.Combine(first, file)), File.ReadAllBytes(folder.File($"two/{file}")));
    }

    [Theory]
    [InlineData("opt", "model.")]
    [InlineData("gpt2", "transformer.")]
    [InlineData("llama grouped tied", "model.")]
    public void Names_without_the_base_class_are_found_and_kept(string variant, string prefix)
    {
        var tiny = new TinyModel(variant, 9, 2, [5]);
        using var model = tiny.Create<double>(_device);
        string folder = ModelFiles.Write(_folder, "bare", tiny.Json, model.Network.Parameters.Select(parameter =>
            ModelFiles.Tensor(parameter, parameter.Name[prefix.Length..])));
        using var loaded = LanguageModel.Load<double>(folder, _device);
        Assert.Equal(model.Logits(PackedBatch.Pack(tiny.Sequences)), loaded.Logits(PackedBatch.Pack(tiny.Sequences)));
        Assert.Equal(
            model.Network.Linears.Select(layer => layer.Name), loaded.Network.Linears.Select(layer => layer.Name));
        loaded.Save(_folder.File("again"));
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(folder, "model.safetensors")),
            File.ReadAllBytes(_folder.File("again/model.safetensors")));
    }

    [Fact]
    public void Buffers_of_old_versions_are_left_aside()
    {
        foreach (var (variant, buffers) in new (string, string[])[]
        {
            ("gpt2", ["transformer.h.0.attn.bias", "transformer.h.0.attn.masked_bias"]),
            ("llama", ["model.layers.0.self_attn.rotary_emb.inv_freq"]),
        })
        {
            var tiny = new TinyModel(variant, 9, 1, [5]);
            using var model = tiny.Create<double>(_device);
            var tensors = ModelFiles.Tensors(model).Concat(
                buffers.Select(name => TensorData.Floats<double>(name, TensorType.F32, [1], new double[1])));
            LanguageModel.Load<double>(ModelFiles.Write(_folder, variant, tiny.Json, tensors), _device).Dispose();
        }
    }

    [Fact]
    public void A_tied_head_may_be_stored_and_is_then_saved_again()
    {
        var tiny = new TinyModel("opt", 9, 1, [5]);
        using var model = tiny.Create<double>(_device);
        string folder = ModelFiles.Write(_folder, "tied", tiny.Json,
            [.. ModelFiles.Tensors(model), ModelFiles.Tensor(model.Network.Head, "lm_head.weight")]);
        using var loaded = LanguageModel.Load<double>(folder, _device);
        Assert.Equal(model.Network.Parameters.Count, loaded.Network.Parameters.Count);
        loaded.Save(_folder.File("again"));
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(folder, "model.safetensors")),
            File.ReadAllBytes(_folder.File("again/model.safetensors")));
    }

    [Fact]
    public void A_tied_head_with_values_of_its_own_is_refused()
    {
        var tiny = new TinyModel("gpt2", 9, 1, [5]);
        using var model = tiny.Create<double>(_device);
        double[] other = ModelRun.Numbers(model.Network.Head.Value);
        other[5]++;
        string folder = ModelFiles.Write(_folder, "tied", tiny.Json,
        [
            .. ModelFiles.Tensors(model),
            TensorData.Floats<double>("lm_head.weight", TensorType.F64, [.. model.Network.Head.Dimensions], other),
        ]);
        var error = Assert.Throws<CheckpointException>(() => LanguageModel.Load<double>(folder, _device));
        Assert.Equal("lm_head.weight", error.Key);
    }

    [Fact]
    public void Missing_and_unexpected_tensors_are_listed_together()
    {
        var tiny = new TinyModel("llama", 9, 1, [5]);
        using var model = tiny.Create<double>(_device);
        string folder = ModelFiles.Write(_folder, "wrong", tiny.Json, model.Network.Parameters.Select(parameter =>
            ModelFiles.Tensor(parameter, parameter.Name.Replace("up_proj", "uq_proj", StringComparison.Ordinal))));
        string message = Assert.Throws<CheckpointException>(() => LanguageModel.Load<double>(folder, _device)).Message;
        Assert.Contains("missing: model.layers.0.mlp.up_proj.weight", message);
        Assert.Contains("unexpected: model.layers.0.mlp.uq_proj.weight", message);
    }

    [Fact]
    public void A_tensor_of_another_shape_is_named()
    {
        var tiny = new TinyModel("llama", 9, 1, [5]);
        using var model = tiny.Create<double>(_device);
        var json = tiny.Json;
        json["intermediate_size"] = 11;
        string folder = ModelFiles.Write(_folder, "wrong", json, ModelFiles.Tensors(model));
        var error = Assert.Throws<CheckpointException>(() => LanguageModel.Load<double>(folder, _device));
        Assert.Equal("model.layers.0.mlp.gate_proj.weight", error.Key);
        Assert.Contains("[10, 12]", error.Message);
        Assert.Contains("[11, 12]", error.Message);
    }

    [Fact]
    public void The_tokenizers_files_are_copied_and_others_are_not()
    {
        var tiny = new TinyModel("gpt2", 9, 1, [5]);
        using var model = tiny.Create<double>(_device);
        string folder = ModelFiles.Write(_folder, "one", tiny.Json, ModelFiles.Tensors(model));
        foreach (string file in new[] { "vocab.json", "merges.txt", "tokenizer_config.json", "notes.txt" })
            File.WriteAllText(Path.Combine(folder, file), file);
        using var loaded = LanguageModel.Load<double>(folder, _device);
        loaded.Save(_folder.File("two"));
        Assert.Equal(
            ["config.json", "merges.txt", "model.safetensors", "tokenizer_config.json", "vocab.json"],
            Directory.GetFiles(_folder.File("two")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_model_with_an_adapter_is_saved_only_once_merged()
    {
        using var model = new TinyModel("llama", 9, 1, [5]).Create<double>(_device);
        var lora = Lora.Attach(model, ModelRun.AllLinear(), default);
        Assert.Throws<InputException>(() => model.Save(_folder.File("one")));
        lora.Merge();
        model.Save(_folder.File("one"));
        Assert.Throws<InputException>(() => model.Save(_folder.File("one")));       // nothing is overwritten
    }
}
