using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Testing;

namespace VaccineRef.Models.Tests;

/// <summary>
/// Adapters as PEFT writes them. What a model with one computes is held to a model whose weights were changed by hand:
/// W + scaling B A in nested loops, and saved tensors in the place of its own.
/// </summary>
public sealed class AdapterFilesTests : IDisposable
{
    private const double Rounding = 1e-12;

    private const string Root = "base_model.model.";

    private readonly CpuDevice _device = new(2);
    private readonly TempFolder _folder = new();

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 40)]
    public void An_adapter_computes_what_its_tensors_say(TinyModel tiny, int choice, bool rsLora)
    {
        using var folder = new TempFolder();
        using Model<double> model = tiny.Create<double>(_device), expected = tiny.Create<double>(_device);
        var random = new Random(choice);
        var adapter = new PeftFolder(random) { RsLora = rsLora };
        bool tied = model.Network.Head.Name != "lm_head.weight", plain = tied || random.Next(3) == 0;
        foreach (var layer in expected.Network.Linears.Where((_, i) => i == 0 || random.Next(2) == 0))
            adapter.AddPair(
                layer.Name, layer.Weight, layer.Inputs, layer.Outputs, layer.Layout == Kernels.WeightLayout.InOut);
        foreach (var own in expected.Network.Parameters)
        {
            bool bias = own.Name.EndsWith(".bias", StringComparison.Ordinal),
                table = own == expected.Network.Parameters[0];
            if ((bias && adapter.Bias == "all") || (table && !plain && random.Next(2) == 0))
                adapter.AddSaved(bias ? own.Name.Replace(".bias", ".base_layer.bias") : own.Name, own);
        }
        if (!plain)
        {
            adapter.AddSaved(
                random.Next(2) == 0 ? "lm_head.weight" : "lm_head.base_layer.weight", expected.Network.Head);
            adapter.AddPair("lm_head", expected.Network.Head, 12, TinyModel.Vocabulary, transposed: false);
        }

        adapter.Write(folder.File("adapter"));
        var batch = PackedBatch.Pack(tiny.Sequences);
        double[] before = model.Logits(batch), wanted = expected.Logits(batch);
        var lora = Lora.Load(model, folder.File("adapter"));
        Assert.Empty(lora.Warnings);
        Assert.True(GoldenCase.Distance(wanted, model.Logits(batch)) < Rounding);
        lora.Save(folder.File("again"));
        lora.Dispose();
        Assert.Equal(before, model.Logits(batch));                                  // off again, bit for bit
        lora = Lora.Load(model, folder.File("again"));
        Assert.True(GoldenCase.Distance(wanted, model.Logits(batch)) < Rounding);
        lora.Merge();
        lora.Dispose();
        Assert.True(GoldenCase.Distance(wanted, model.Logits(batch)) < Rounding);   // merged, and the adapter is gone
    }

    [Fact]
    public void Idle_targets_are_warned_of_when_read_and_refused_when_made()
    {
        using var model = new TinyModel("opt", 1, 1, [3]).Create<double>(_device);
        string[] seven = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];
        Assert.Throws<InputException>(
            () => Lora.Attach(model, new(1, 1, TargetModules.Named([.. seven])), default));
        Lora.Attach(model, new(1, 1, TargetModules.Named("q_proj", "k_proj", "v_proj")), default)
            .Save(_folder.File("a"));
        model.Adapter!.Dispose();
        Edit("a", json => json["target_modules"] = new JsonArray([.. seven.Select(name => (JsonNode)name)]));
        string warning = Assert.Single(Lora.Load(model, _folder.File("a")).Warnings);
        Assert.Contains("o_proj, gate_proj, up_proj, down_proj", warning);
    }

    [Fact]
    public void Kinds_of_layers_without_weights_are_warned_of_and_incomplete_ones_refused()
    {
        using var model = new TinyModel("llama", 1, 2, [3]).Create<double>(_device);
        Lora.Attach(model, new(2, 1, TargetModules.Named("q_proj", "v_proj")), default).Save(_folder.File("a"));
        model.Adapter!.Dispose();
        Edit("a", json => json["target_modules"] = "ALL-LINEAR");
        var lora = Lora.Load(model, _folder.File("a"));
        Assert.Equal(4, lora.Pairs.Count);
        Assert.Contains("k_proj", Assert.Single(lora.Warnings));
        lora.Dispose();

        Edit("a", json => (json["target_modules"], json["layers_to_transform"]) = (new JsonArray("q_proj", "v_proj"), 1));
        Assert.Contains("unexpected: base_model.model.model.layers.0", Refused(model, "a"));
        Edit("a", json => (json["layers_to_transform"], json["modules_to_save"]) = (null, new JsonArray("classifier")));
        Assert.Contains("classifier", Assert.Single(Lora.Load(model, _folder.File("a")).Warnings));
        model.Adapter!.Dispose();
        Edit("a", json => json["use_dora"] = true);
        Assert.Contains("use_dora", Refused(model, "a"));
    }

    /// <summary>A layer that has A or B alone is incomplete, and is not passed over as one that has neither.</summary>
    [Theory]
    [InlineData("lora_A")]
    [InlineData("lora_B")]
    public void Half_a_pair_is_refused(string lost)
    {
        using var model = new TinyModel("llama", 1, 1, [3]).Create<double>(_device);
        Lora.Attach(model, new(2, 1, TargetModules.Named("q_proj", "v_proj")), default).Save(_folder.File("a"));
        model.Adapter!.Dispose();
        string path = System.IO.Path.Combine(_folder.File("a"), "adapter_model.safetensors");
        List<TensorData> kept = [];
        using (var file = SafetensorsFile.Open(path))
            foreach (var entry in file.Tensors.Values.Where(entry => !(entry.Name.Contains("q_proj", StringComparison.Ordinal) && entry.Name.Contains(lost, StringComparison.Ordinal))))
            {
                var numbers = new double[entry.Count];
                file.Read<double>(entry.Name, numbers);
                kept.Add(TensorData.Floats<double>(entry.Name, entry.Type, entry.Shape.AsSpan(), numbers));
            }

        Assert.Equal(3, kept.Count);
        SafetensorsWriter.Write(path, kept);
        Assert.Contains("q_proj", Refused(model, "a"));
    }

    [Fact]
    public void A_tied_head_is_not_changed_alone()
    {
        var tiny = new TinyModel("llama grouped tied", 1, 1, [3]);
        using var model = tiny.Create<double>(_device);
        var adapter = new PeftFolder(new Random(1));
        adapter.AddPair(
            "lm_head", tiny.Create<double>(_device).Network.Head, 12, TinyModel.Vocabulary, transposed: false);
        adapter.Write(_folder.File("a"));
        Assert.Contains("head alone", Refused(model, "a"));

        // Saved under both names with the same values, as peft does where it grew the vocabulary.
        adapter = new PeftFolder(new Random(1));
        using var expected = tiny.Create<double>(_device);
        adapter.AddPair("model.layers.0.mlp.up_proj", expected.Network.Linears[5].Weight, 12, 10, transposed: false);
        adapter.AddSaved("model.embed_tokens.weight", expected.Network.Head);
        adapter.AddAgain("lm_head.weight");
        adapter.Write(_folder.File("b"));
        Lora.Load(model, _folder.File("b"));
        var batch = PackedBatch.Pack(tiny.Sequences);
        Assert.True(GoldenCase.Distance(expected.Logits(batch), model.Logits(batch)) < Rounding);
    }

    [Fact]
    public void A_saved_layer_takes_the_place_of_one_that_is_kept_in_bfloat16()
    {
        var tiny = new TinyModel("llama", 1, 1, [3]);
        using var model = tiny.Create<double>(_device);
        string folder = ModelFiles.Write(_folder, "base", tiny.Json, ModelFiles.Tensors(model));
        var adapter = new PeftFolder(new Random(3));
        var (up, query) = (model.Network.Linears[5], model.Network.Linears[0]);
        adapter.AddSaved($"{up.Name}.weight", up.Weight, "up_proj");
        string changed = ModelFiles.Write(_folder, "changed", tiny.Json, ModelFiles.Tensors(model));
        adapter.AddPair(query.Name, query.Weight, query.Inputs, query.Outputs, transposed: false);
        adapter.Write(_folder.File("a"));
        using var compact = LanguageModel.Load<double>(folder, _device, WeightPrecision.Bf16);
        using var expected = LanguageModel.Load<double>(changed, _device, WeightPrecision.Bf16);
        ushort[] before = [.. compact.Network.Linears[5].Weight.Compact.Span];
        var lora = Lora.Load(compact, _folder.File("a"));
        Assert.Equal(expected.Network.Linears[5].Weight.Compact.Span, compact.Network.Linears[5].Weight.Compact.Span);
        lora.Detach();
        Assert.Equal(before, compact.Network.Linears[5].Weight.Compact.Span);
    }

    [Fact]
    public void What_can_only_be_read_is_not_made()
    {
        using var model = new TinyModel("llama", 1, 1, [3]).Create<double>(_device);
        var config = new AdapterConfig(1, 1, TargetModules.AllLinear);
        Assert.Throws<InputException>(() => Lora.Attach(model, config with { Bias = "all" }, default));
        Assert.Throws<InputException>(() => Lora.Attach(model, config with { ModulesToSave = ["lm_head"] }, default));
        Assert.Throws<InputException>(
            () => Lora.Attach(model, config with { Targets = TargetModules.Named("q_proj", "lm_head") }, default));
        Assert.Null(model.Adapter);
    }

    [Fact]
    public void A_saved_tensor_that_nothing_announces_is_left_over()
    {
        var tiny = new TinyModel("opt", 1, 1, [3]);
        using Model<double> model = tiny.Create<double>(_device), other = tiny.Create<double>(_device);
        var adapter = new PeftFolder(new Random(1)) { Bias = "none" };
        var layer = other.Network.Linears[0];
        adapter.AddPair(layer.Name, layer.Weight, layer.Inputs, layer.Outputs, transposed: false);
        adapter.AddSaved($"{layer.Name}.bias", layer.Bias!);
        adapter.Write(_folder.File("a"));
        Assert.Contains($"unexpected: {Root}{layer.Name}"[..60], Refused(model, "a"));
    }

    [Theory]
    [InlineData(1_000_000)]
    [InlineData(int.MaxValue)]
    [InlineData(13)]
    public void A_rank_beyond_the_layers_is_refused_before_memory_is_taken(int rank)
    {
        using var model = new TinyModel("llama", 1, 1, [3]).Create<double>(_device);
        long before = GC.GetTotalAllocatedBytes();
        Assert.Contains("rank", Assert.Throws<InputException>(
            () => Lora.Attach(model, new(rank, 1, TargetModules.AllLinear), default)).Message);
        Lora.Attach(model, new(2, 1, TargetModules.AllLinear), default).Save(_folder.File("a"));
        model.Adapter!.Dispose();
        Edit("a", json => json["r"] = rank);
        Assert.Contains("another shape", Refused(model, "a"));
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 10 << 20);
    }

    private void Edit(string adapter, Action<JsonObject> edit)
    {
        string path = _folder.File($"{adapter}/adapter_config.json");
        var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        edit(json);
        File.WriteAllText(path, json.ToJsonString());
    }

    private string Refused(Model<double> model, string adapter) =>
        Assert.Throws<CheckpointException>(() => Lora.Load(model, _folder.File(adapter))).Message;
}
