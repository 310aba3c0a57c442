using VaccineRef.Core;
using VaccineRef.Kernels;
using static TorchSharp.torch;

namespace VaccineRef.Bench;

/// <summary>
/// Llama in libtorch's own ops, as Hugging Face's modeling_llama.py composes them, with the fused attention kernel
/// (<c>scaled_dot_product_attention</c>) and PEFT's LoRA. Intermediate values that no gradient needs are given back at the end of
/// the block that made them, as Python's reference counts would.
/// </summary>
internal sealed class TorchLlama : IDisposable
{
    private const double Epsilon = 1e-5, Alpha = 2;           // of the norms; LoRA's alpha / rank

    private readonly StepShape _shape;
    private readonly Dictionary<string, Tensor> _weights;
    private readonly Tensor _tokens, _targets, _cos, _sin;    // (N), (N), (T, D), (T, D)
    private readonly TorchSharp.Modules.Embedding _embedding;

    /// <summary>Takes copies of weights by their Hugging Face names, and the batch.</summary>
    public TorchLlama(StepShape shape, IEnumerable<Parameter<float>> parameters)
    {
        _shape = shape;
        _weights = parameters.ToDictionary(parameter => parameter.Name, parameter =>
            tensor(parameter.Value.Span.ToArray(), parameter.Dimensions.ToArray()).requires_grad_(parameter.IsTrainable));
        _embedding = nn.Embedding(shape.Vocabulary, shape.Hidden);
        var table = _weights["model.embed_tokens.weight"];
        _embedding.weight = new TorchSharp.Modules.Parameter(table, table.requires_grad);
        _weights["model.embed_tokens.weight"] = _embedding.weight;
        var batch = shape.Batch();
        _tokens = tensor(batch.Tokens.Select(id => (long)id).ToArray());
        _targets = tensor(batch.Targets.Select(id => (long)id).ToArray());
        double[] frequencies = RopeFrequencies.Compute(shape.Hidden / shape.Heads, theta: 10000);
        Tensor Table(Func<double, double> wave) => tensor(
            (float[])[.. from position in Enumerable.Range(0, shape.Length)
                         from half in (int[])[0, 1]
                         from frequency in frequencies
                         select (float)wave(position * frequency)],
            [shape.Length, shape.Hidden / shape.Heads]);
        (_cos, _sin) = (Table(Math.Cos), Table(Math.Sin));
    }

    /// <summary>The weights that are trained.</summary>
    public IReadOnlyList<Tensor> Trainable => [.. _weights.Values.Where(weight => weight.requires_grad)];

    /// <summary>The mean loss over counted tokens.</summary>
    /// <param name="site">What happens to e_l, the attention block's output: given its layer and value, returns what goes on.</param>
    public Tensor Loss(Func<int, Tensor, Tensor> site)
    {
        using var scope = NewDisposeScope();
        var x = _embedding.forward(_tokens);
        for (int layer = 0; layer < _shape.Layers; layer++)
            x = Replace(x, Block(layer, x, site));
        var logits = nn.functional.linear(Norm(x, "model.norm"), _weights["lm_head.weight"]);
        return nn.functional.cross_entropy(logits, _targets, ignore_index: -100).MoveToOuterDisposeScope();
    }

    private Tensor Block(int layer, Tensor x, Func<int, Tensor, Tensor> site)
    {
        using var scope = NewDisposeScope();
        string block = $"model.layers.{layer}";
        x += site(layer, Attention($"{block}.self_attn", Norm(x, $"{block}.input_layernorm")));
        x += FeedForward($"{block}.mlp", Norm(x, $"{block}.post_attention_layernorm"));
        return x.MoveToOuterDisposeScope();
    }

    private Tensor Attention(string module, Tensor x)
    {
        using var scope = NewDisposeScope();
        Tensor q = Turned(Heads(Linear($"{module}.q_proj", x))), k = Turned(Heads(Linear($"{module}.k_proj", x)));
        var v = Heads(Linear($"{module}.v_proj", x));
        var attended = nn.functional.scaled_dot_product_attention(q, k, v, is_casual: true);
        return Linear($"{module}.o_proj", attended.transpose(1, 2).reshape(_shape.Rows, _shape.Hidden)).MoveToOuterDisposeScope();
    }

    private Tensor FeedForward(string module, Tensor x)
    {
        using var scope = NewDisposeScope();
        var inner = nn.functional.silu(Linear($"{module}.gate_proj", x)) * Linear($"{module}.up_proj", x);
        return Linear($"{module}.down_proj", inner).MoveToOuterDisposeScope();
    }

    private Tensor Linear(string module, Tensor x)
    {
        using var scope = NewDisposeScope();
        var y = nn.functional.linear(x, _weights[$"{module}.weight"]);
        string adapter = $"base_model.model.{module}";
        if (_weights.TryGetValue($"{adapter}.lora_A.weight", out var a))
            y += nn.functional.linear(nn.functional.linear(x, a), _weights[$"{adapter}.lora_B.weight"]) * Alpha;
        return y.MoveToOuterDisposeScope();
    }

    private Tensor Norm(Tensor x, string module)
    {
        using var scope = NewDisposeScope();
        var variance = x.pow(2).mean([-1], keepdim: true);
        return (_weights[$"{module}.weight"] * (x * (variance + Epsilon).rsqrt())).MoveToOuterDisposeScope();
    }

    // (N, C) to (B, H, T, D)
    private Tensor Heads(Tensor x) => x.view(_shape.Sequences, _shape.Length, _shape.Heads, -1).transpose(1, 2);

    // x cos + rotate_half(x) sin
    private Tensor Turned(Tensor x)
    {
        using var scope = NewDisposeScope();
        var halves = x.chunk(2, -1);
        return ((x * _cos) + (cat([-halves[1], halves[0]], -1) * _sin)).MoveToOuterDisposeScope();
    }

    private static Tensor Replace(Tensor old, Tensor value)
    {
        old.Dispose();
        return value;
    }

    public void Dispose()
    {
        foreach (var tensor in (Tensor[])[.. _weights.Values, _tokens, _targets, _cos, _sin])
            tensor.Dispose();
        _embedding.Dispose();
    }
}
