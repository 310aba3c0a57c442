using VaccineRef.Core;
using VaccineRef.Kernels;
using static TorchSharp.torch;

namespace VaccineRef.Bench;

/// <summary>What weights do not say about a Llama.</summary>
/// <param name="Layers">Blocks.</param>
/// <param name="Heads">Attention heads; those of keys and values follow from the weights.</param>
/// <param name="Hidden">C.</param>
/// <param name="Length">Tokens of each sequence.</param>
/// <param name="NormEpsilon">Of the norms.</param>
/// <param name="Theta">Of the rotation.</param>
/// <param name="LoraScale">LoRA's alpha / rank.</param>
internal sealed record LlamaSettings(
    int Layers, int Heads, int Hidden, int Length, double NormEpsilon = 1e-5, double Theta = 10000,
    double LoraScale = 2)
{
    public int HeadSize => Hidden / Heads;
}

/// <summary>
/// Llama in libtorch's own ops, as Hugging Face's modeling_llama.py composes them, with the fused attention kernel
/// (<c>scaled_dot_product_attention</c>) and PEFT's LoRA. Intermediate values that no gradient needs are given back at
/// the end of the block that made them, as Python's reference counts would.
/// </summary>
internal sealed class TorchLlama : IDisposable
{
    private const string Table = "model.embed_tokens.weight";

    private readonly LlamaSettings _settings;
    private readonly Dictionary<string, Tensor> _weights;
    private readonly Tensor _cos, _sin;                       // (T, D)
    private readonly TorchSharp.Modules.Embedding _embedding;
    private Tensor _tokens, _targets;                         // (N)

    /// <summary>Takes copies of weights by their Hugging Face names, and the batch.</summary>
    public TorchLlama(StepShape shape, IEnumerable<Parameter<float>> parameters)
        : this(
            new(shape.Layers, shape.Heads, shape.Hidden, shape.Length),
            parameters.ToDictionary(parameter => parameter.Name, parameter =>
                tensor(parameter.Value.Span.ToArray(), parameter.Dimensions.ToArray())
                    .requires_grad_(parameter.IsTrainable)))
    {
        var batch = shape.Batch();
        Use([.. batch.Tokens.Select(id => (long)id)], [.. batch.Targets.Select(id => (long)id)]);
    }

    /// <summary>
    /// Takes weights by their Hugging Face names; those that want a gradient are trained. A batch has to follow.
    /// </summary>
    public TorchLlama(LlamaSettings settings, Dictionary<string, Tensor> weights)
    {
        (_settings, _weights) = (settings, weights);
        var table = _weights[Table];
        var type = table.dtype;
        _embedding = nn.Embedding(table.shape[0], table.shape[1]);
        _embedding.weight = new TorchSharp.Modules.Parameter(table, table.requires_grad);
        _weights[Table] = _embedding.weight;
        (_tokens, _targets) = (zeros(0, int64), zeros(0, int64));
        double[] frequencies = RopeFrequencies.Compute(settings.HeadSize, settings.Theta);
        Tensor Waves(Func<double, double> wave) => tensor(
            (double[])[.. from position in Enumerable.Range(0, settings.Length)
                          from half in (int[])[0, 1]
                          from frequency in frequencies
                          select wave(position * frequency)],
            [settings.Length, settings.HeadSize]).to(type);
        (_cos, _sin) = (Waves(Math.Cos), Waves(Math.Sin));
    }

    /// <summary>All weights by their names.</summary>
    public IReadOnlyDictionary<string, Tensor> Weights => _weights;

    /// <summary>The weights that are trained.</summary>
    public IReadOnlyList<Tensor> Trainable => [.. _weights.Values.Where(weight => weight.requires_grad)];

    /// <summary>The number of blocks.</summary>
    public int Layers => _settings.Layers;

    /// <summary>
    /// Takes another batch: sequences of the settings' length, end to end; the target -100 is not counted.
    /// </summary>
    public void Use(long[] tokens, long[] targets)
    {
        _tokens.Dispose();
        _targets.Dispose();
        (_tokens, _targets) = (tensor(tokens), tensor(targets));
    }

    /// <summary>The mean loss over counted tokens.</summary>
    /// <param name="site">
    /// What happens to e_l, the attention block's output: given its layer and value, returns what goes on.
    /// </param>
    public Tensor Loss(Func<int, Tensor, Tensor> site)
    {
        using var scope = NewDisposeScope();
        var x = _embedding.forward(_tokens);
        for (int layer = 0; layer < Layers; layer++)
            x = Replace(x, Block(layer, x, site));
        var logits = nn.functional.linear(
            Norm(x, "model.norm"), _weights.GetValueOrDefault("lm_head.weight") ?? _weights[Table]);
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
        if (q.shape[1] != k.shape[1])
            (k, v) = (k.repeat_interleave(q.shape[1] / k.shape[1], 1), v.repeat_interleave(q.shape[1] / v.shape[1], 1));
        var attended = nn.functional.scaled_dot_product_attention(q, k, v, is_casual: true);
        return Linear($"{module}.o_proj", attended.transpose(1, 2).reshape(-1, _settings.Hidden))
            .MoveToOuterDisposeScope();
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
            y += nn.functional.linear(nn.functional.linear(x, a), _weights[$"{adapter}.lora_B.weight"])
                * _settings.LoraScale;
        return y.MoveToOuterDisposeScope();
    }

    private Tensor Norm(Tensor x, string module)
    {
        using var scope = NewDisposeScope();
        var variance = x.pow(2).mean([-1], keepdim: true);
        return (_weights[$"{module}.weight"] * (x * (variance + _settings.NormEpsilon).rsqrt())).MoveToOuterDisposeScope();
    }

    // (N, C) to (B, H, T, D)
    private Tensor Heads(Tensor x) =>
        x.view(-1, _settings.Length, x.shape[^1] / _settings.HeadSize, _settings.HeadSize).transpose(1, 2);

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
