using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Testing;

namespace VaccineRef.Models.Tests;

/// <summary>Models against PyTorch's and Hugging Face's numbers.</summary>
public sealed class GoldenModelTests : IDisposable
{
    // Two unrelated double implementations agree to 1e-14 on these sizes; the float cases were computed in float.
    private const double DoubleTolerance = 1e-10, FloatTolerance = 1e-5;

    private readonly CpuDevice _device = new();

    public static TheoryData<string> Cases => ["llama_mha", "llama_gqa", "llama_lora", "opt", "gpt2", "llama_mha_f32"];

    public void Dispose() => _device.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void Forward_gives_the_golden_values(string name) => Forward<double>(name);

    [Fact]
    public void Forward_in_float_gives_the_golden_values_of_float() => Forward<float>("llama_mha_f32");

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_loss_has_the_golden_gradients(string name)
    {
        using var golden = Open(name);
        using var model = Load<double>(golden);
        using var state = new Arena(_device);
        foreach (var parameter in model.Trainable)
            parameter.Train(state);
        model.Loss(PackedBatch.Pack(golden.Batch("b0")));
        var trainable = golden.Manifest.GetProperty("params").GetProperty("trainable").EnumerateArray();
        Assert.Equal(
            trainable.Select(name => name.GetString()).Order(),
            model.Trainable.Select(parameter => parameter.Name).Order());
        foreach (var parameter in model.Trainable)
        {
            double[] expected = golden.Floats("sft", $"grad/{parameter.Name}");
            double[] found = ModelRun.Numbers(parameter.Gradient);
            double norm = Math.Sqrt(expected.Sum(g => g * g));
            if (norm > 1e-5)            // key biases have gradient 0: softmax does not see what all keys share
                Within(Tolerance(name) * 10, found, expected, $"gradient of {parameter.Name}");
            else
                Assert.True(found.All(g => Math.Abs(g) < 1e-5), parameter.Name);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Greedy_generation_gives_the_golden_tokens(string name)
    {
        using var golden = Open(name);
        using var model = Load<double>(golden);
        var greedy = golden.Manifest.GetProperty("greedy").EnumerateArray().Select(run => (
            Prompt: run.GetProperty("prompt_len").GetInt32(),
            Ids: run.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()).ToArray())).ToArray();
        int[][] prompts = [.. greedy.Select(run => run.Ids[..run.Prompt])];
        int[][] found = Generator.Generate(model, prompts, new(greedy.Max(run => run.Ids.Length - run.Prompt)));
        for (int i = 0; i < prompts.Length; i++)
            Assert.Equal(greedy[i].Ids[greedy[i].Prompt..], found[i]);
    }

    [Fact]
    public void Merging_the_adapter_keeps_the_golden_logits()
    {
        using var golden = Open("llama_lora");
        using var model = Load<double>(golden);
        model.Adapter!.Merge();
        var found = model.Logits(PackedBatch.Pack(golden.Batch("b0")));
        Within(DoubleTolerance, found, golden.RealRows("forward", "logits", "b0"), "logits");
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_saved_model_holds_the_tensors_it_was_loaded_with(string name)
    {
        using var golden = Open(name);
        using var folder = new TempFolder();
        using (var model = LanguageModel.Load<double>(golden.Folder, _device))
            model.Save(folder.File("saved"));
        using Checkpoint before = Checkpoint.Open(golden.Folder), after = Checkpoint.Open(folder.File("saved"));
        Assert.Equal(before.Tensors.Keys.Order(), after.Tensors.Keys.Order());
        foreach (var (tensor, entry) in before.Tensors)
        {
            Assert.Equal(entry.ToString(), after.Entry(tensor).ToString());
            double[] expected = new double[entry.Count], found = new double[entry.Count];
            before.Read<double>(tensor, expected);
            after.Read<double>(tensor, found);
            Assert.Equal(expected, found);
        }

        Assert.Equal(
            File.ReadAllBytes(Path.Combine(golden.Folder, "config.json")),
            File.ReadAllBytes(folder.File("saved/config.json")));
    }

    private void Forward<T>(string name) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var golden = Open(name);
        using var model = Load<T>(golden);
        using var tape = new Tape<T>(_device);
        var batch = PackedBatch.Pack(golden.Batch("b0"));
        var record = new Record<T>(SiteKind.TokenEmbedding, SiteKind.AttentionOutput, SiteKind.BlockOutput);
        var final = model.Network.Forward(new(tape, record), batch);
        int layers = model.Network.Shape.Layers;
        for (int i = 0; i < record.Sites.Count; i++)
        {
            var (layer, kind) = (record.Sites[i].Layer, record.Sites[i].Kind);
            string tensor = kind switch
            {
                SiteKind.AttentionOutput => $"attn_out.{layer}",
                SiteKind.BlockOutput => $"hidden.{layer + 1}",
                _ => "hidden.0",
            };
            bool last = kind == SiteKind.BlockOutput && layer == layers - 1;    // golden: behind the final norm
            Within(
                Tolerance(name), ModelRun.Numbers(last ? final.Value : record.Hidden[i].Value),
                golden.RealRows("forward", tensor, "b0"), tensor);
        }

        Assert.Equal(1 + (2 * layers), record.Sites.Count);
        Within(Tolerance(name), model.Logits(batch), golden.RealRows("forward", "logits", "b0"), "logits");
        double[] losses = Padded(model.TokenLosses(batch), batch, golden.Length("b0"));
        Within(Tolerance(name), losses, golden.Floats("forward", "token_nll"), "token_nll");
        double loss = golden.Manifest.GetProperty("forward").GetProperty("loss").GetDouble();
        Within(Tolerance(name), [model.Loss(batch)], [loss], "loss");
    }

    /// <summary>(N) to (B, T - 1), 0 in the padding.</summary>
    private static double[] Padded(double[] rows, PackedBatch batch, int length) =>
    [
        .. Enumerable.Range(0, batch.Sequences).SelectMany(s => Enumerable.Range(0, length - 1).Select(t =>
            batch.Offsets[s] + t is var row && row < batch.Offsets[s + 1] ? rows[row] : 0)),
    ];

    private static GoldenCase Open(string name)
    {
        Assert.SkipWhen(GoldenCase.Root is null, "neither tests/golden nor VACCINEREF_SHARED is there");
        return new(name);
    }

    private Model<T> Load<T>(GoldenCase golden) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var model = LanguageModel.Load<T>(golden.Folder, _device);
        if (File.Exists(Path.Combine(golden.Folder, AdapterConfig.FileName)))
            Lora.Load(model, golden.Folder);
        return model;
    }

    private static double Tolerance(string name) =>
        name.EndsWith("_f32", StringComparison.Ordinal) ? FloatTolerance : DoubleTolerance;

    private static void Within(double tolerance, double[] found, double[] expected, string what)
    {
        double distance = GoldenCase.Distance(found, expected);
        Assert.True(distance <= tolerance, $"{what}: {distance:E2} apart, {tolerance:E0} allowed");
    }
}
