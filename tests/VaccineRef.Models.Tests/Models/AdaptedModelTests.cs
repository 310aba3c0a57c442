using VaccineRef.Core;
using VaccineRef.Testing;

namespace VaccineRef.Models.Tests;

/// <summary>
/// Models that are loaded together with an adapter, which needs another model than their folder describes.
/// </summary>
public sealed class AdaptedModelTests : IDisposable
{
    private const double Rounding = 1e-12;

    private readonly CpuDevice _device = new(2);
    private readonly TempFolder _folder = new();

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    /// <summary>
    /// A vocabulary that grew by three: the model is made for it, with the adapter's embedding and head, and is saved
    /// so.
    /// </summary>
    [Theory]
    [InlineData("llama", true)]
    [InlineData("llama grouped tied", false)]
    [InlineData("llama grouped tied", true)]
    [InlineData("opt", true)]
    [InlineData("gpt2", false)]
    public void A_model_is_loaded_for_the_vocabulary_of_its_adapter(string variant, bool head)
    {
        var tiny = new TinyModel(variant, 1, 1, [3]);
        using var small = tiny.Create<double>(_device);
        string folder = ModelFiles.Write(_folder, "base", tiny.Json, ModelFiles.Tensors(small));
        var json = tiny.Json;
        json["vocab_size"] = TinyModel.Vocabulary + 3;
        using var expected = LanguageModel.Create<double>(ModelFiles.Config(json), _device, tiny.Random.At("weights"));
        foreach (var (own, grown) in small.Network.Parameters.Zip(expected.Network.Parameters).Where(pair =>
            pair.First.Shape == pair.Second.Shape))
            own.Value.Span.CopyTo(grown.Value.Span);
        var adapter = new PeftFolder(new Random(3));
        var layer = expected.Network.Linears[^1];
        adapter.AddPair(
            layer.Name, layer.Weight, layer.Inputs, layer.Outputs, layer.Layout == Kernels.WeightLayout.InOut);
        bool tied = expected.Network.Head == expected.Network.Parameters[0];
        adapter.AddSaved(expected.Network.Parameters[0].Name, expected.Network.Parameters[0]);
        if (head && tied)
            adapter.AddAgain("lm_head.weight");
        else if (head)
            adapter.AddSaved("lm_head.weight", expected.Network.Head);
        adapter.Write(_folder.File("a"));

        Assert.Contains(
            "another size", Assert.Throws<CheckpointException>(() => Lora.Load(small, _folder.File("a"))).Message);
        using var model = AdaptedModel.Load<double>(folder, _folder.File("a"), _device);
        var batch = PackedBatch.Pack([[1, 2, TinyModel.Vocabulary + 2, 4]]);
        Assert.Equal(TinyModel.Vocabulary + 3, model.Network.Shape.Vocabulary);
        Assert.True(GoldenCase.Distance(expected.Logits(batch), model.Logits(batch)) < Rounding);
        model.Adapter!.Merge();
        model.Save(_folder.File("merged"));
        using var again = LanguageModel.Load<double>(_folder.File("merged"), _device);
        Assert.True(GoldenCase.Distance(expected.Logits(batch), again.Logits(batch)) < Rounding);
    }

    [Fact]
    public void A_head_that_the_adapter_changes_alone_is_made_separate()
    {
        var tiny = new TinyModel("llama grouped tied", 1, 1, [3]);
        using var small = tiny.Create<double>(_device);
        string folder = ModelFiles.Write(_folder, "base", tiny.Json, ModelFiles.Tensors(small));
        var json = tiny.Json;
        json["tie_word_embeddings"] = false;
        string untied = ModelFiles.Write(
            _folder, "untied", json,
            [.. ModelFiles.Tensors(small), ModelFiles.Tensor(small.Network.Head, "lm_head.weight")]);
        using var expected = LanguageModel.Load<double>(untied, _device);
        var adapter = new PeftFolder(new Random(3));
        adapter.AddPair("lm_head", expected.Network.Head, 12, TinyModel.Vocabulary, transposed: false);
        adapter.Write(_folder.File("a"));
        using var model = AdaptedModel.Load<double>(folder, _folder.File("a"), _device);
        var batch = PackedBatch.Pack(tiny.Sequences);
        Assert.True(GoldenCase.Distance(expected.Logits(batch), model.Logits(batch)) < Rounding);
        model.Adapter!.Merge();
        model.Save(_folder.File("merged"));
        using var again = LanguageModel.Load<double>(_folder.File("merged"), _device);
        Assert.True(GoldenCase.Distance(expected.Logits(batch), again.Logits(batch)) < Rounding);
    }
}
