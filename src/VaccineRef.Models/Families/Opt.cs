using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// One block: x + dropout(attention(norm(x))), then x + dropout(mlp(norm(x))). In OPT-350m the norms follow the
/// residual additions instead. Source: Hugging Face modeling_opt.py, OPTDecoderLayer.
/// </summary>
internal sealed class OptBlock<T> : IBlock<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly bool _normBefore;
    private readonly Attention<T> _attention;
    private readonly FeedForward<T> _mlp;
    private readonly NormLayer<T> _attentionNorm, _mlpNorm;
    private readonly DropoutLayer<T> _attentionDropout, _mlpDropout;

    public OptBlock(OptConfig config, Weights<T> weights)
    {
        var (shape, heads) = (config.Shape, weights.At("self_attn"));
        LinearLayer<T> Layer(Weights<T> place, int inputs, int outputs) =>
            new(place, inputs, outputs, config.Bias, config.Deviation);

        _normBefore = config.NormBefore;
        LinearLayer<T> Square(string name) => Layer(heads.At(name), shape.Hidden, shape.Hidden);
        var (k, v, q) = (Square("k_proj"), Square("v_proj"), Square("q_proj"));         // in Hugging Face's order
        _attention = new(new(shape.Heads, shape.KeyValueHeads, shape.HeadSize), [q, k, v], Square("out_proj"))
        {
            WeightDropout = config.AttentionDropout,
        };
        _attentionNorm = NormLayer<T>.Layer(weights.At("self_attn_layer_norm"), shape.Hidden, OptConfig.Epsilon);
        _mlp = new(
            Layer(weights.At("fc1"), shape.Hidden, config.Inner), Activations.Create<T>(config.Activation),
            Layer(weights.At("fc2"), config.Inner, shape.Hidden));
        _mlpNorm = NormLayer<T>.Layer(weights.At("final_layer_norm"), shape.Hidden, OptConfig.Epsilon);
        _attentionDropout = new($"{weights.Path}.self_attn.dropout", config.Dropout);
        _mlpDropout = new($"{weights.Path}.dropout", config.Dropout);
    }

    public IEnumerable<LinearLayer<T>> Linears => [.. _attention.Linears, .. _mlp.Linears];

    public Tensor<T> Forward(BlockPass<T> pass, Tensor<T> x)
    {
        Tensor<T> Before(NormLayer<T> norm, Tensor<T> y) => _normBefore ? norm.Forward(pass, y) : y;
        Tensor<T> After(NormLayer<T> norm, Tensor<T> y) => _normBefore ? y : norm.Forward(pass, y);
        var attended = pass.Tap(SiteKind.AttentionOutput, _attention.Forward(pass, Before(_attentionNorm, x)));
        x = After(_attentionNorm, pass.Add(x, _attentionDropout.Forward(pass, attended)));
        var inner = pass.Tap(SiteKind.MlpOutput, _mlp.Forward(pass, Before(_mlpNorm, x)));
        x = After(_mlpNorm, pass.Add(x, _mlpDropout.Forward(pass, inner)));
        return pass.Tap(SiteKind.BlockOutput, x);
    }
}

/// <summary>OPT. Source: Hugging Face modeling_opt.py, OPTForCausalLM; arXiv 2205.01068.</summary>
public sealed class Opt<T> : ILanguageModel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly EmbeddingLayer<T> _tokens, _positions;
    private readonly LinearLayer<T>? _projectIn, _projectOut;
    private readonly NormLayer<T>? _norm;
    private readonly BlockStack<T> _blocks;
    private readonly Add<T> _add = new();

    /// <summary>Makes the model and asks for all its weights by name.</summary>
    public Opt(OptConfig config, Weights<T> weights)
    {
        Shape = config.Shape;
        var (decoder, deviation, embedding) = (weights.At("model").At("decoder"), config.Deviation, config.Embedding);
        _tokens = new(decoder.At("embed_tokens"), Shape.Vocabulary, embedding, deviation, paddingId: config.Padding);
        _positions = new(
            decoder.At("embed_positions"), Shape.Context + OptConfig.PositionOffset, Shape.Hidden, deviation,
            OptConfig.PositionOffset);
        if (embedding != Shape.Hidden)
        {
            _projectOut = new(decoder.At("project_out"), Shape.Hidden, embedding, bias: false, deviation);
            _projectIn = new(decoder.At("project_in"), embedding, Shape.Hidden, bias: false, deviation);
        }

        if (config.FinalNorm)
            _norm = NormLayer<T>.Layer(decoder.At("final_layer_norm"), Shape.Hidden, OptConfig.Epsilon);
        _blocks = new(
            Enumerable.Range(0, Shape.Layers).Select(i => new OptBlock<T>(config, decoder.At("layers").At(i))));
        Head = weights.Head(_tokens.Table, config.Tied, deviation);
        Parameters = weights.Store.Parameters;
        LinearLayer<T>?[] projections = [_projectOut, _projectIn];
        Linears = [.. projections.OfType<LinearLayer<T>>(), .. _blocks.Linears];
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
        var x = _tokens.Forward(pass, batch.Tokens);
        x = _projectIn?.Forward(pass, x) ?? x;
        x = pass.Tape.Apply(_add, [x, _positions.Forward(pass, batch.Positions)]);
        x = pass.Show(Site.TokenEmbedding, x);
        return Normalise(pass, _blocks.Forward(pass, x, batch, cache, outputRows));
    }

    /// <inheritdoc/>
    public Tensor<T> Normalise(Pass<T> pass, Tensor<T> hidden)
    {
        hidden = _norm?.Forward(pass, hidden) ?? hidden;
        return _projectOut?.Forward(pass, hidden) ?? hidden;
    }
}
