using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Testing;

namespace VaccineRef.Models.Tests;

/// <summary>Adapters: what they compute, where they go, and PEFT's files.</summary>
public sealed class LoraTests : IDisposable
{
    private const double Rounding = 1e-12, Eps = 2.220446049250313e-16;

    private readonly CpuDevice _device = new(2);

    public void Dispose() => _device.Dispose();

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 40)]
    public void A_fresh_adapter_changes_nothing(TinyModel tiny)
    {
        using var model = tiny.Create<double>(_device);
        var batch = PackedBatch.Pack(tiny.Sequences);
        double[] before = model.Logits(batch);
        var lora = Lora.Attach(model, ModelRun.AllLinear(), tiny.Random);
        Assert.Equal(before, model.Logits(batch));
        Assert.Equal(2 * model.Network.Linears.Count, lora.Parameters.Count);
        Assert.All(lora.Pairs, pair =>
        {
            double bound = 1 / Math.Sqrt(pair.Layer.Inputs);
            Assert.All(ModelRun.Numbers(pair.A.Value), a => Assert.InRange(a, -bound, bound));
        });
    }

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 40)]
    public void Merged_detached_and_unmerged_models_compute_what_they_should(TinyModel tiny)
    {
        using var model = tiny.Create<double>(_device);
        var batch = PackedBatch.Pack(tiny.Sequences);
        double[] plain = model.Logits(batch);
        var weights = model.Network.Parameters.ToDictionary(weight => weight, weight => ModelRun.Numbers(weight.Value));
        var lora = Trained(model, tiny);
        double[] adapted = model.Logits(batch);
        Assert.NotEqual(plain, adapted);
        lora.Merge();
        lora.Merge();
        Assert.True(GoldenCase.Distance(model.Logits(batch), adapted) < Rounding);
        double[][] merged = [.. lora.Pairs.Select(pair => ModelRun.Numbers(pair.Layer.Weight.Value))];
        lora.Unmerge();
        Assert.True(GoldenCase.Distance(model.Logits(batch), adapted) < Rounding);
        for (int i = 0; i < merged.Length; i++)
        {
            var weight = lora.Pairs[i].Layer.Weight;
            double[] before = weights[weight], after = ModelRun.Numbers(weight.Value);
            for (int n = 0; n < before.Length; n++)
            {
                double added = Math.Abs(merged[i][n] - before[n]);              // |scaling B A|; the bound is Unmerge's
                Assert.True(Math.Abs(after[n] - before[n]) <= Eps * (Math.Abs(before[n]) + added));
            }
        }

        lora.Detach();
        Assert.Null(model.Adapter);
        Assert.True(GoldenCase.Distance(model.Logits(batch), plain) < Rounding);
    }

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 20)]
    public void An_adapter_comes_back_from_its_files_bit_by_bit(TinyModel tiny)
    {
        using var folder = new TempFolder();
        using var model = tiny.Create<double>(_device);
        var lora = Trained(model, tiny);
        lora.Save(folder.File("adapter"));
        Assert.Equal(
            ["adapter_config.json", "adapter_model.safetensors"],
            Directory.GetFiles(folder.File("adapter")).Select(Path.GetFileName).Order());
        double[] expected = model.Logits(PackedBatch.Pack(tiny.Sequences));
        lora.Dispose();
        var again = Lora.Load(model, folder.File("adapter"));
        Assert.Equal(expected, model.Logits(PackedBatch.Pack(tiny.Sequences)));
        Assert.Equal(tiny.Variant.StartsWith("gpt2", StringComparison.Ordinal), again.Config.FanInFanOut);
        again.Save(folder.File("second"));
        Assert.Equal(
            File.ReadAllBytes(folder.File("adapter/adapter_model.safetensors")),
            File.ReadAllBytes(folder.File("second/adapter_model.safetensors")));
    }

    [Fact]
    public void Names_are_those_of_PEFT()
    {
        var tiny = new TinyModel("gpt2", 1, 1, [3]);
        using var model = tiny.Create<double>(_device);
        var lora = Lora.Attach(model, new(2, 4, TargetModules.Named("c_attn")), tiny.Random);
        Assert.Equal(
            [
                "base_model.model.transformer.h.0.attn.c_attn.lora_A.weight",
                "base_model.model.transformer.h.0.attn.c_attn.lora_B.weight",
            ],
            lora.Parameters.Select(parameter => parameter.Name));
        Assert.Equal([[2, 12], [36, 2]], lora.Parameters.Select(parameter => parameter.Dimensions));
        Assert.Same(lora.Parameters, model.Trainable);
    }

    [Theory]
    [InlineData("q_proj", 2)]
    [InlineData("self_attn.q_proj", 2)]
    [InlineData("layers.1.mlp.up_proj", 1)]
    public void A_name_targets_the_layers_that_end_in_it(string target, int layers)
    {
        using var model = new TinyModel("llama", 1, 2, [3]).Create<double>(_device);
        Assert.Equal(layers, Lora.Attach(model, new(1, 1, TargetModules.Named(target)), default).Pairs.Count);
    }

    [Fact]
    public void An_expression_targets_the_layers_it_matches_as_a_whole()
    {
        using var model = new TinyModel("llama", 1, 2, [3]).Create<double>(_device);
        using (var some = Lora.Attach(model, new(1, 1, TargetModules.Matching(@".*\.1\..*_proj")), default))
            Assert.Equal(7, some.Pairs.Count);
        Assert.Throws<InputException>(() => Lora.Attach(model, new(1, 1, TargetModules.Matching("q_proj")), default));
    }

    [Fact]
    public void A_target_that_matches_no_layer_is_an_error_that_names_it()
    {
        using var model = new TinyModel("opt", 1, 1, [3]).Create<double>(_device);
        var error = Assert.Throws<InputException>(
            () => Lora.Attach(model, new(1, 1, TargetModules.Named("q_proj", "o_proj")), default));
        Assert.Contains("o_proj", error.Message);
        Assert.Contains("out_proj", error.Message);
        Assert.Null(model.Adapter);
    }

    [Fact]
    public void A_second_adapter_is_refused_until_the_first_is_detached()
    {
        using var model = new TinyModel("llama", 1, 1, [3]).Create<double>(_device);
        var first = Lora.Attach(model, ModelRun.AllLinear(), default);
        Assert.Throws<InvalidOperationException>(() => Lora.Attach(model, ModelRun.AllLinear(), default));
        first.Detach();
        Assert.Same(Lora.Attach(model, ModelRun.AllLinear(), default), model.Adapter);
    }

    [Fact]
    public void An_adapter_of_another_model_is_refused_with_both_lists()
    {
        using var folder = new TempFolder();
        using var model = new TinyModel("llama", 1, 2, [3]).Create<double>(_device);
        using var smaller = new TinyModel("llama", 1, 1, [3]).Create<double>(_device);
        Lora.Attach(model, ModelRun.AllLinear(), default).Save(folder.File("two"));
        Lora.Attach(smaller, ModelRun.AllLinear(), default).Save(folder.File("one"));
        model.Adapter!.Detach();
        smaller.Adapter!.Detach();
        AdapterOriginLaws.Forget(folder.File("one"));
        AdapterOriginLaws.Forget(folder.File("two"));
        var missing = Assert.Throws<CheckpointException>(() => Lora.Load(model, folder.File("one")));
        Assert.Contains("missing: base_model.model.model.layers.1", missing.Message);
        var unexpected = Assert.Throws<CheckpointException>(() => Lora.Load(smaller, folder.File("two")));
        Assert.Contains("unexpected: base_model.model.model.layers.1", unexpected.Message);
        Assert.Null(model.Adapter);
    }

    [Fact]
    public void Attaching_freezes_the_model()
    {
        using var model = new TinyModel("llama", 1, 1, [3]).Create<double>(_device);
        using var state = new Arena(_device);
        foreach (var parameter in model.Network.Parameters)
            parameter.Train(state);
        Lora.Attach(model, ModelRun.AllLinear(), default);
        Assert.DoesNotContain(model.Network.Parameters, parameter => parameter.IsTrainable);
    }

    private Lora<double> Trained(Model<double> model, TinyModel tiny)
    {
        var lora = Lora.Attach(model, ModelRun.AllLinear(), tiny.Random.At("lora"));
        foreach (var pair in lora.Pairs)
            _device.Run(new FillNormal<double>(tiny.Random.At(pair.B.Name), 0.3), pair.B.Value);
        return lora;
    }
}
