using System.Text;
using VaccineRef.Core;
using VaccineRef.Gpu;
using VaccineRef.Kernels;

namespace VaccineRef.Models.Tests;

/// <summary>Models whose linear layers are kept in bfloat16.</summary>
public sealed class CompactWeightTests : IDisposable
{
    private const double Rounding = 1e-12;

    private readonly CpuDevice _device = new(2);

    public void Dispose() => _device.Dispose();

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 40)]
    public void A_compact_model_is_the_full_one_with_rounded_weights(TinyModel tiny)
    {
        using var full = Create(tiny, WeightPrecision.Full);
        using var compact = Create(tiny, WeightPrecision.Bf16);
        Assert.All(compact.Network.Linears, layer => Assert.True(layer.Weight.IsCompact));
        foreach (var layer in full.Network.Linears)
            Round(layer.Weight);
        var batch = PackedBatch.Pack(tiny.Sequences);
        Near(full.Logits(batch), compact.Logits(batch));

        foreach (var model in (Model<double>[])[full, compact])
        {
            var lora = Lora.Attach(model, ModelRun.AllLinear(), tiny.Random);
            foreach (var pair in lora.Pairs)
                _device.Run(new FillNormal<double>(tiny.Random.At(pair.B.Name), 0.5), pair.B.Value);
        }

        Near(full.Logits(batch), compact.Logits(batch));
        full.Adapter!.Merge();
        compact.Adapter!.Merge();
        foreach (var layer in full.Network.Linears)
            Round(layer.Weight);
        Near(full.Logits(batch), compact.Logits(batch));
    }

    /// <summary>
    /// 7B must be made in 14 GB and a little, with nothing of its size on the host: what is asked of the device is the
    /// weights, rounded up by blocks, and one matrix in full at a time.
    /// </summary>
    [Fact]
    public void A_compact_model_is_made_on_the_device_a_matrix_at_a_time()
    {
        const int Hidden = 64, FeedForward = 256, Vocabulary = 16, Layers = 4;
        const long Matrices = (long)Layers * Hidden * ((4 * Hidden) + (3 * FeedForward));
        // embedding, head, norms
        const long Full = (long)Hidden * ((2 * Vocabulary) + (2 * Layers) + 1);
        const long Bytes = (Matrices * sizeof(ushort)) + (Full * sizeof(float)),
            Widest = (long)Hidden * FeedForward * sizeof(float);
        using var gpu = (GpuDevice)Devices.Open("ilgpu-cpu");
        var config = ConfigReader.Parse(Encoding.UTF8.GetBytes(
            $$"""
            {
              "model_type": "llama", "vocab_size": {{Vocabulary}}, "hidden_size": {{Hidden}}, "intermediate_size": {{FeedForward}},
              "num_hidden_layers": {{Layers}}, "num_attention_heads": 2, "max_position_embeddings": 8, "rms_norm_eps": 1e-5,
              "tie_word_embeddings": false
            }
            """), "a test");
        Model<float> Make() => LanguageModel.Create<float>(config, gpu, RandomStream.FromSeed(1), WeightPrecision.Bf16);
        Make().Dispose();                                                       // compiles its kernels
        long before = GC.GetAllocatedBytesForCurrentThread();
        using var model = Make();
        long host = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(Matrices + Full, model.Network.Parameters.Sum(parameter => parameter.Shape.Count));
        Assert.InRange(gpu.PeakBytes, Bytes, (2 * Bytes) + Widest);             // blocks double until they are large
        Assert.True(host < Matrices * sizeof(ushort) / 2, $"{host} bytes on the host");
    }

    [Fact]
    public void A_compact_weight_is_never_trained()
    {
        using var model = Create(new("llama", 5, 1, [4]), WeightPrecision.Bf16);
        using var state = new Arena(_device);
        var error = Assert.Throws<InputException>(() => model.Network.Linears[0].Weight.Train(state));
        Assert.Contains("bfloat16", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_compact_model_is_saved_and_read_again_in_either_form()
    {
        using var folder = new TempFolder();
        using var compact = Create(new("llama", 5, 2, [4]), WeightPrecision.Bf16);
        string saved = folder.File("saved");
        compact.Save(saved);
        var batch = PackedBatch.Pack(new TinyModel("llama", 5, 2, [4]).Sequences);
        foreach (var kept in Enum.GetValues<WeightPrecision>())
        {
            using var again = LanguageModel.Load<double>(saved, _device, kept);
            Near(compact.Logits(batch), again.Logits(batch));
        }
    }

    private Model<double> Create(TinyModel tiny, WeightPrecision kept) =>
        LanguageModel.Create<double>(tiny.Config, _device, tiny.Random.At("weights"), kept);

    private static void Round(Parameter<double> weight)
    {
        var bits = new ushort[weight.Shape.Count];
        BFloat16.Narrow<double>(weight.Value.Span, bits);
        BFloat16.Widen(bits, weight.Value.Span);
    }

    private static void Near(double[] expected, double[] found)
    {
        double allowed = Rounding * (1 + expected.Max(Math.Abs));
        Assert.All(expected.Zip(found), pair => Assert.InRange(pair.Second - pair.First, -allowed, allowed));
    }
}
