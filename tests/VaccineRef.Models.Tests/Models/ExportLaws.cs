using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models.Tests;

/// <summary>A model that was exported is the model, up to one rounding of each weight.</summary>
public sealed class ExportLaws : IDisposable
{
    // bfloat16 has 8 binary digits and binary32 has 24; rounding to nearest errs by at most half a unit of the last
    // one.
    private const double Bf16 = 1.0 / 256, Single = 1.0 / 16777216;

    // Below the smallest normal number of either type, which is 2^-126, the error is absolute and at most this.
    private const double Least = 1e-38;

    private readonly CpuDevice _device = new(1);

    public void Dispose() => _device.Dispose();

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 15)]
    public void A_merged_float_model_comes_back_bit_by_bit_and_computes_the_same(TinyModel tiny)
    {
        using var folder = new TempFolder();
        using var model = Merged<float>(tiny);
        model.Export(folder.File("out"), TensorType.F32, _ => { });
        using var again = LanguageModel.Load<float>(folder.File("out"), _device);
        foreach (var (before, after) in model.Network.Parameters.Zip(again.Network.Parameters))
            Assert.Equal(ModelRun.Numbers(before.Value), ModelRun.Numbers(after.Value));
        var batch = PackedBatch.Pack(tiny.Sequences);
        Assert.Equal(model.Logits(batch), again.Logits(batch));
    }

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 15)]
    public void Each_weight_is_rounded_once_to_the_type_that_the_configuration_names(TinyModel tiny)
    {
        using var folder = new TempFolder();
        using var model = Merged<double>(tiny);
        foreach (var (type, name, unit) in ((TensorType, string, double)[])[(TensorType.F32, "float32", Single),
            (TensorType.BF16, "bfloat16", Bf16)])
        {
            string to = folder.File(name);
            model.Export(to, type, _ => { });
            Assert.Equal(
                name, JsonNode.Parse(File.ReadAllText(Path.Combine(to, "config.json")))!["torch_dtype"]!.ToString());
            using (var file = Checkpoint.Open(to))
                Assert.All(file.Tensors.Values, entry => Assert.Equal(type, entry.Type));
            using var again = LanguageModel.Load<double>(to, _device);
            foreach (var (before, after) in model.Network.Parameters.Zip(again.Network.Parameters))
                foreach (var (x, y) in ModelRun.Numbers(before.Value).Zip(ModelRun.Numbers(after.Value)))
                    Assert.True(Math.Abs(x - y) <= (unit * Math.Abs(x)) + Least);
        }
    }

    [Fact]
    public void A_model_with_an_adapter_that_is_not_merged_is_refused_and_nothing_is_written()
    {
        using var folder = new TempFolder();
        using var model = new TinyModel("llama", 1, 1, [3]).Create<float>(_device);
        Lora.Attach(model, ModelRun.AllLinear(), default);
        Assert.Contains(
            "not merged",
            Assert.Throws<InputException>(() => model.Export(folder.File("out"), TensorType.F32, _ => { })).Message);
        Assert.Empty(folder.Names());
    }

    private Model<T> Merged<T>(TinyModel tiny) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var model = tiny.Create<T>(_device);
        var lora = Lora.Attach(model, ModelRun.AllLinear(), tiny.Random);
        foreach (var pair in lora.Pairs)
            _device.Run(new FillNormal<T>(tiny.Random.At(pair.B.Name), 0.3), pair.B.Value);
        model.MergeAdapter();
        return model;
    }
}
