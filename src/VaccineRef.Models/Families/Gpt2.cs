using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// One block: x + attention(norm(x)), then x + mlp(norm(x)). Source: Hugging Face modeling_gpt2.py, GPT2Block.
/// </summary>
internal sealed class Gpt2Block<T> : IBlock<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Attention<T> _attention;
    private readonly FeedForward<T> _mlp;
    private readonly NormLayer<T> _attentionNorm, _mlpNorm;
    private readonly DropoutLayer<T> _attentionDropout, _mlpDropout;

    public Gpt2Block(Gpt2Config config, Weights<T> weights)
    {
        var (shape, attention, mlp) = (config.Shape, weights.At("attn"), weights.At("mlp"));
        LinearLayer<T> Conv1D(Weights<T> place, int inputs, int outputs, double deviation) =>
            new(place, inputs, outputs, bias: true, deviation, WeightLayout.InOut);

        _attentionNorm = NormLayer<T>.Layer(weights.At("ln_1"), shape.Hidden, config.Epsilon);
        _attention = new(
            new(shape.Heads, shape.KeyValueHeads, shape.HeadSize, config.ScaleScores ? null : 1),
            [Conv1D(attention.At("c_attn"), shape.Hidden, 3 * shape.Hidden, config.Deviation)],
            Conv1D(attention.At("c_proj"), shape.Hidden, shape.Hidden, config.ResidualDeviation))
        {
            WeightDropout = config.AttentionDropout,
        };
        _mlpNorm = NormLayer<T>.Layer(weights.At("ln_2"), shape.Hidden, config.Epsilon);
        _mlp = new(
            Conv1D(mlp.At("c_fc"), shape.Hidden, config.Inner, config.Deviation),
            Activations.Create<T>(config.Activation),
            Conv1D(mlp.At("c_proj"), config.Inner, shape.Hidden, config.ResidualDeviation));
        _attentionDropout = new($"{attention.Path}.resid_dropout", config.ResidualDropout);
        _mlpDropout = new($"{mlp.Path}.dropout", config.ResidualDropout);
    }

    public IEnumerable<LinearLayer<T>> Linears => [.. _attention.Linears, .. _mlp.Linears];

    // Unlike in Llama and OPT, the dropout belongs to GPT-2's attention module: the hook of the released code, and with
    // it the site, comes after the dropout.
    public Tensor<T> Forward(BlockPass<T> pass, Tensor<T> x)
    {
        Tensor<T> Attention(Tensor<T> y) => _attentionDropout.Forward(pass, _attention.Forward(pass, y));
        Tensor<T> Mlp(Tensor<T> y) => _mlpDropout.Forward(pass, _mlp.Forward(pass, y));
        x = pass.Add(x, pass.Tap(SiteKind.AttentionOutput, Attention(_attentionNorm.Forward(pass, x))));
        x = pass.Add(x, pass.Tap(SiteKind.MlpOutput, Mlp(_mlpNorm.Forward(pass, x))));
        return pass.Tap(SiteKind.BlockOutput, x);
    }
}

/// <summary>GPT-2. Source: Hugging Face modeling_gpt2.py, GPT2LMHeadModel.</summary>
public sealed class Gpt2<T> : ILanguageModel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly EmbeddingLayer<T> _tokens, _positions;
    private readonly DropoutLayer<T> _dropout;
    private readonly BlockStack<T> _blocks;
    private readonly NormLayer<T> _norm;
    private readonly Add<T> _add = new();

    /// <summary>Makes the model and asks for all its weights by name.</summary>
    public Gpt2(Gpt2Config config, Weights<T> weights)
    {
        Shape = config.Shape;
        var transformer = weights.At("transformer");
        _tokens = new(transformer.At("wte"), Shape.Vocabulary, Shape.Hidden, config.Deviation);
        _positions = new(transformer.At("wpe"), Shape.Context, Shape.Hidden, config.Deviation);
        _dropout = new("transformer.drop", config.EmbeddingDropout);
        _blocks = new(
            Enumerable.Range(0, Shape.Layers).Select(i => new Gpt2Block<T>(config, transformer.At("h").At(i))));
        _norm = NormLayer<T>.Layer(transformer.At("ln_f"), Shape.Hidden, config.Epsilon);
        Head = weights.Head(_tokens.Table, config.Tied, config.Deviation);
        Parameters = weights.Store.Parameters;
        Linears = [.. _blocks.Linears];
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
    public Tensor<T> Forward(Pass<T> pass, PackedBatch batch, KeyValueCache<T>? cache = null, int[]? outputRows = null)
    {
        var x = pass.Tape.Apply(_add, [_tokens.Forward(pass, batch.Tokens), _positions.Forward(pass, batch.Positions)]);
        x = pass.Show(Site.TokenEmbedding, _dropout.Forward(pass, x));
        return Normalise(pass, _blocks.Forward(pass, x, batch, cache, outputRows));
    }

    /// <inheritdoc/>
    public Tensor<T> Normalise(Pass<T> pass, Tensor<T> hidden) => _norm.Forward(pass, hidden);
}
