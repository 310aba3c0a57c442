using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// One block: x + attention(norm(x)), then x + mlp(norm(x)). Source: Hugging Face modeling_llama.py, LlamaDecoderLayer.
/// </summary>
internal sealed class LlamaBlock<T> : IBlock<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Attention<T> _attention;
    private readonly FeedForward<T> _mlp;
    private readonly NormLayer<T> _attentionNorm, _mlpNorm;

    public LlamaBlock(LlamaConfig config, int layer, Rope<T> rope, Weights<T> weights)
    {
        var (shape, heads, mlp) = (config.Shape, weights.At("self_attn"), weights.At("mlp"));
        int queries = shape.Heads * shape.HeadSize, keys = shape.KeyValueHeads * shape.HeadSize;
        LinearLayer<T> Layer(Weights<T> place, int inputs, int outputs, bool bias) =>
            new(place, inputs, outputs, bias, config.Deviation);

        _attention = new(
            new(shape.Heads, shape.KeyValueHeads, shape.HeadSize, config.ScoreScale, config.Windows[layer]),
            [
                Layer(heads.At("q_proj"), shape.Hidden, queries, config.ProjectionBias),
                Layer(heads.At("k_proj"), shape.Hidden, keys, config.ProjectionBias),
                Layer(heads.At("v_proj"), shape.Hidden, keys, config.ProjectionBias),
            ],
            Layer(heads.At("o_proj"), queries, shape.Hidden, config.OutputBias))
        {
            Rope = rope,
            WeightDropout = config.AttentionDropout,
        };
        _mlp = new(
            gate: Layer(mlp.At("gate_proj"), shape.Hidden, config.Inner, config.MlpBias),
            up: Layer(mlp.At("up_proj"), shape.Hidden, config.Inner, config.MlpBias),
            down: Layer(mlp.At("down_proj"), config.Inner, shape.Hidden, config.MlpBias));
        _attentionNorm = NormLayer<T>.Rms(weights.At("input_layernorm"), shape.Hidden, config.Epsilon);
        _mlpNorm = NormLayer<T>.Rms(weights.At("post_attention_layernorm"), shape.Hidden, config.Epsilon);
    }

    public IEnumerable<LinearLayer<T>> Linears => [.. _attention.Linears, .. _mlp.Linears];

    public Tensor<T> Forward(BlockPass<T> pass, Tensor<T> x)
    {
        // e_l of the paper is what the tap sees
        x = pass.Add(x, pass.Tap(SiteKind.AttentionOutput, _attention.Forward(pass, _attentionNorm.Forward(pass, x))));
        x = pass.Add(x, pass.Tap(SiteKind.MlpOutput, _mlp.Forward(pass, _mlpNorm.Forward(pass, x))));
        return pass.Tap(SiteKind.BlockOutput, x);
    }
}

/// <summary>Llama without a head, up to the last norm. Source: Hugging Face modeling_llama.py, LlamaModel.</summary>
internal sealed class LlamaModel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly EmbeddingLayer<T> _tokens;
    private readonly BlockStack<T> _blocks;
    private readonly NormLayer<T> _norm;

    public LlamaModel(LlamaConfig config, Weights<T> weights)
    {
        var (shape, rope) = (config.Shape, new Rope<T>(config.Shape.HeadSize, config.Frequencies));
        _tokens = new(
            weights.At("embed_tokens"), shape.Vocabulary, shape.Hidden, config.Deviation, paddingId: config.Padding);
        _blocks = new(Enumerable.Range(0, shape.Layers).Select(i =>
            new LlamaBlock<T>(config, i, rope, weights.At("layers").At(i))));
        _norm = NormLayer<T>.Rms(weights.At("norm"), shape.Hidden, config.Epsilon);
    }

    public Parameter<T> Embedding => _tokens.Table;

    public IEnumerable<LinearLayer<T>> Linears => _blocks.Linears;

    public Tensor<T> Forward(Pass<T> pass, PackedBatch batch, KeyValueCache<T>? cache, int[]? outputRows)
    {
        var x = pass.Show(Site.TokenEmbedding, _tokens.Forward(pass, batch.Tokens));
        return Normalise(pass, _blocks.Forward(pass, x, batch, cache, outputRows));
    }

    public Tensor<T> Normalise(Pass<T> pass, Tensor<T> hidden) => _norm.Forward(pass, hidden);
}

/// <summary>
/// Llama, Mistral and Qwen2 as language models. Source: Hugging Face modeling_llama.py, LlamaForCausalLM.
/// </summary>
public sealed class Llama<T> : ILanguageModel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly LlamaModel<T> _model;

    /// <summary>Makes the model and asks for all its weights by name.</summary>
    public Llama(LlamaConfig config, Weights<T> weights)
    {
        Shape = config.Shape;
        _model = new(config, weights.At("model"));
        Head = weights.Head(_model.Embedding, config.Tied, config.Deviation);
        Parameters = weights.Store.Parameters;
        Linears = [.. _model.Linears];
    }

    /// <inheritdoc/>
    public ModelShape Shape { get; }

    /// <inheritdoc/>
    public IReadOnlyList<Parameter<T>> Parameters { get; }

    /// <inheritdoc/>
    public IReadOnlyList<LinearLayer<T>> Linears { get; }

    /// <inheritdoc/>
    public Parameter<T> Head { get; }

    /// <inheritdoc/>
    public Tensor<T> Forward(
        Pass<T> pass, PackedBatch batch, KeyValueCache<T>? cache = null, int[]? outputRows = null) =>
        _model.Forward(pass, batch, cache, outputRows);

    /// <inheritdoc/>
    public Tensor<T> Normalise(Pass<T> pass, Tensor<T> hidden) => _model.Normalise(pass, hidden);
}
