using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Laws;
using VaccineRef.Testing;

namespace VaccineRef.Models.Tests;

/// <summary>Llama as a classifier of texts, against scalars and laws, from folders that the tests write.</summary>
public sealed class SequenceClassifierTests : IDisposable
{
    // Double; a row takes a few thousand roundings, and blocks of another size may add in another order.
    private const double Rounding = 1e-12;

    // Double on another device: some hundred roundings, and exponentials of its own.
    private const double DoubleTolerance = 1e-10;

    private const int Labels = 3;

    private readonly CpuDevice _device = new(2);
    private readonly TempFolder _folder = new();

    public void Dispose()
    {
        _folder.Dispose();
        _device.Dispose();
    }

    /// <summary>The whole model in scalars, from the file's tensors: nothing of it is the code under test.</summary>
    [Property(MaxTest = 20)]
    public void Logits_are_those_of_the_equations(uint seed, byte length)
    {
        var tiny = Tiny(seed, [1 + (length % 9)]);
        using var weights = tiny.Create<double>(_device);
        using var score = Score(tiny);
        using var model = Load(tiny, weights, score);
        int[] tokens = tiny.Sequences[0].Tokens;
        double[] expected = Oracle(weights, score.Parameters[0], tokens);
        Assert.InRange(GoldenCase.Distance(model.Logits([tokens])[0], expected), 0, Rounding);
    }

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 30)]
    public void Texts_are_scored_together_as_alone(TinyModel drawn)
    {
        var tiny = drawn with { Variant = "llama grouped tied" };
        using var weights = tiny.Create<double>(_device);
        using var score = Score(tiny);
        using var model = Load(tiny, weights, score);
        int[][] texts = [.. tiny.Sequences.Select(sequence => sequence.Tokens)];
        var together = model.Logits(texts);
        Assert.Equal(texts.Length, together.Count);
        for (int i = 0; i < texts.Length; i++)
            Assert.InRange(GoldenCase.Distance(together[i], model.Logits([texts[i]])[0]), 0, Rounding);
    }

    /// <summary>
    /// The beginning of a text scores as the language model's hidden embedding there, whatever follows: the last token
    /// counts, and it sees nothing after it.
    /// </summary>
    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 30)]
    public void A_beginning_scores_as_the_row_where_it_ends(TinyModel drawn)
    {
        var tiny = drawn with { Variant = "llama" };
        using var weights = tiny.Create<double>(_device);
        using var score = Score(tiny);
        using var model = Load(tiny, weights, score);
        int[] text = tiny.Sequences[0].Tokens;
        using var tape = new Tape<double>(_device);
        var hidden = weights.Network.Forward(new(tape, new NoTap<double>()), PackedBatch.Pack([text]));
        var logits = tape.Apply(new Linear<double>(), [hidden, tape.Of(score.Parameters[0])]);
        int[][] beginnings = [.. Enumerable.Range(1, text.Length).Select(length => text[..length])];
        double[] found = [.. model.Logits(beginnings).SelectMany(each => each)];
        Assert.InRange(GoldenCase.Distance(found, ModelRun.Numbers(logits.Value)), 0, Rounding);
    }

    [Fact]
    public void Every_device_scores_as_the_processor()
    {
        var tiny = Tiny(5, [3, 4, 1]);
        using var weights = tiny.Create<double>(_device);
        using var score = Score(tiny);
        using var model = Load(tiny, weights, score);
        int[][] texts = [.. tiny.Sequences.Select(sequence => sequence.Tokens)];
        double[] expected = [.. model.Logits(texts).SelectMany(each => each)];
        using var gpus = new GpuDevices();
        foreach (var gpu in gpus.All)
        {
            string folder = Directory.GetDirectories(_folder.Path)[0];
            using var there = LlamaForSequenceClassification<double>.Load(folder, gpu);
            double[] found = [.. there.Logits(texts).SelectMany(each => each)];
            Assert.InRange(GoldenCase.Distance(found, expected), 0, DoubleTolerance);
        }
    }

    [Fact]
    public void Labels_are_named_by_the_configuration()
    {
        var tiny = Tiny(1, [3]);
        Assert.Equal(["a", "b", "c"], LabelsOf(tiny, json => { }));
        Assert.Equal(["a", "b", "c"], LabelsOf(tiny, json => json["num_labels"] = 3));
        Assert.Equal(["LABEL_0", "LABEL_1", "LABEL_2"], LabelsOf(tiny, json =>
        {
            json.Remove("id2label");
            json["num_labels"] = 3;
        }));
    }

    [Theory]
    [InlineData("architectures", "[\"LlamaForCausalLM\"]", "architectures")]
    [InlineData("architectures", "null", "architectures")]
    [InlineData("model_type", "\"mistral\"", "model_type")]
    [InlineData("id2label", "{}", "id2label")]
    [InlineData("id2label", "{\"0\": \"a\", \"2\": \"c\", \"1x\": \"b\"}", "id2label.1")]
    [InlineData("id2label", "{\"0\": \"a\", \"1\": \"b\"}", "score.weight")]
    [InlineData("id2label", "null", "score.weight")]
    [InlineData("num_labels", "4", "num_labels")]
    [InlineData("problem_type", "\"multi_label\"", "problem_type")]
    [InlineData("quantization_config", "{\"bits\": 4}", "quantization_config")]
    public void What_does_not_fit_is_refused_by_name(string key, string value, string named)
    {
        var error = Assert.Throws<CheckpointException>(
            () => LabelsOf(Tiny(1, [3]), json => json[key] = JsonNode.Parse(value)));
        Assert.Equal(named, error.Key);
    }

    [Fact]
    public void Exactly_the_tensors_of_the_class_are_wanted()
    {
        var tiny = Tiny(1, [3]);
        using var weights = tiny.Create<double>(_device);
        using var score = Score(tiny);
        var missing = Assert.Throws<CheckpointException>(() => LoadTensors(tiny, Body(weights)));
        Assert.Contains("missing: score.weight", missing.Message);
        var left = Assert.Throws<CheckpointException>(() => LoadTensors(
            tiny,
            [
                .. Body(weights), ModelFiles.Tensor(score.Parameters[0]),
                ModelFiles.Tensor(score.Parameters[0], "score.bias"),
            ]));
        Assert.Contains("unexpected: score.bias", left.Message);
    }

    [Fact]
    public void A_text_of_no_token_or_beyond_the_context_is_refused()
    {
        var tiny = Tiny(1, [3]);
        using var weights = tiny.Create<double>(_device);
        using var score = Score(tiny);
        using var model = Load(tiny, weights, score);
        Assert.Throws<InputException>(() => model.Logits([[1], []]));
        Assert.Throws<InputException>(() => model.Logits([new int[TinyModel.Context + 1]]));
        Assert.Empty(model.Logits([]));
    }

    private static TinyModel Tiny(uint seed, int[] lengths) =>
        new("llama grouped tied", (int)(seed % int.MaxValue), 2, lengths);

    /// <summary>A random head, (Labels, C), with a memory of its own.</summary>
    private WeightStore<double> Score(TinyModel tiny)
    {
        var store = new WeightStore<double>(_device, new RandomSource<double>(_device, tiny.Random));
        store.Get("score.weight", [Labels, 12], Initializer.Normal(1));
        return store;
    }

    private static IEnumerable<TensorData> Body(Model<double> weights) => weights.Network.Parameters
        .Where(parameter => parameter.Name != "lm_head.weight").Select(parameter => ModelFiles.Tensor(parameter));

    private LlamaForSequenceClassification<double> Load(
        TinyModel tiny, Model<double> weights, WeightStore<double> score) =>
        LoadTensors(tiny, [.. Body(weights), ModelFiles.Tensor(score.Parameters[0])]);

    private LlamaForSequenceClassification<double> LoadTensors(
        TinyModel tiny, IEnumerable<TensorData> tensors, Action<JsonObject>? change = null)
    {
        var json = tiny.Json;
        json["model_type"] = "llama";
        json["architectures"] = new JsonArray("LlamaForSequenceClassification");
        json["id2label"] = new JsonObject { ["0"] = "a", ["1"] = "b", ["2"] = "c" };
        change?.Invoke(json);
        return LlamaForSequenceClassification<double>.Load(
            ModelFiles.Write(_folder, $"{Guid.NewGuid():N}", json, tensors), _device);
    }

    private string[] LabelsOf(TinyModel tiny, Action<JsonObject> change)
    {
        using var weights = tiny.Create<double>(_device);
        using var score = Score(tiny);
        using var model = LoadTensors(tiny, [.. Body(weights), ModelFiles.Tensor(score.Parameters[0])], change);
        return [.. model.Labels];
    }

    private static double[] Oracle(Model<double> weights, Parameter<double> score, int[] tokens)
    {
        const double Epsilon = 1e-5;
        const int HeadSize = 6;
        Scalar[,] Weight(Parameter<double> parameter)
        {
            double[] values = ModelRun.Numbers(parameter.Value);
            var (rows, columns) = (parameter.Shape.Rows, parameter.Shape.Columns);
            var matrix = new Scalar[rows, columns];
            for (int i = 0; i < values.Length; i++)
                matrix[i / columns, i % columns] = values[i];
            return matrix;
        }

        Scalar[,] W(string name) => Weight(weights.Network.Parameters.Single(parameter => parameter.Name == name));
        Scalar[,] Linear(Scalar[,] x, string name) => Expressions.Linear(outIn: true)([x, W(name + ".weight")], []);
        Scalar[,] Norm(Scalar[,] x, string name) => Expressions.RmsNorm(Epsilon)([x, W(name + ".weight")], []);
        double[] frequencies = [.. Enumerable.Range(0, HeadSize / 2).Select(i => Math.Pow(10000, -2.0 * i / HeadSize))];
        int[] positions = [.. Enumerable.Range(0, tokens.Length)];
        Scalar[,] Turned(Scalar[,] x) => Expressions.Rope(HeadSize, frequencies)([x], positions);

        var x = Expressions.Embedding(0)([W("model.embed_tokens.weight")], tokens);
        for (int layer = 0; layer < 2; layer++)
        {
            string at = $"model.layers.{layer}.", heads = at + "self_attn.", mlp = at + "mlp.";
            var read = Norm(x, at + "input_layernorm");
            var attended = Expressions.Attention(2, 1, HeadSize, 1 / Math.Sqrt(HeadSize))(
                [
                    Turned(Linear(read, heads + "q_proj")), Turned(Linear(read, heads + "k_proj")),
                    Linear(read, heads + "v_proj"),
                ],
                [0, tokens.Length]);
            x = Expressions.Add(1)([x, Linear(attended, heads + "o_proj")], []);
            read = Norm(x, at + "post_attention_layernorm");
            var inner = Expressions.SwiGlu()([Linear(read, mlp + "gate_proj"), Linear(read, mlp + "up_proj")], []);
            x = Expressions.Add(1)([x, Linear(inner, mlp + "down_proj")], []);
        }

        var logits = Expressions.Linear(outIn: true)([Norm(x, "model.norm"), Weight(score)], []);
        return [.. Enumerable.Range(0, Labels).Select(label => logits[tokens.Length - 1, label].Value)];
    }
}
