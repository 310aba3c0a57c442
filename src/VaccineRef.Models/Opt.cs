using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// The settings of OPT. Source: Hugging Face configuration_opt.py, whose defaults stand where a key is absent.
/// </summary>
public sealed record OptConfig(ModelShape Shape, int Inner, int Embedding)
{
    /// <summary>The constant in the norms: torch's default, since OPT has no setting for it.</summary>
    public const double Epsilon = 1e-5;

    /// <summary>Rows of the position table before the one of position 0.</summary>
    public const int PositionOffset = 2;

    /// <summary>do_layer_norm_before: false in OPT-350m, whose norms come after the residual addition.</summary>
    public bool NormBefore { get; init; }

    /// <summary>Whether a norm follows the last block.</summary>
    public bool FinalNorm { get; init; }

    /// <summary>enable_bias.</summary>
    public bool Bias { get; init; }

    /// <summary>activation_function.</summary>
    public required string Activation { get; init; }

    /// <summary>Whether the head is the embedding.</summary>
    public bool Tied { get; init; }

    /// <summary>The row of the embedding without gradient; -1 for none.</summary>
    public int Padding { get; init; }

    /// <summary>dropout, of what each half of a block adds.</summary>
    public double Dropout { get; init; }

    /// <summary>attention_dropout.</summary>
    public double AttentionDropout { get; init; }

    /// <summary>init_std.</summary>
    public double Deviation { get; init; }

    /// <summary>Reads config.json.</summary>
    /// <exception cref="CheckpointException">
    /// A setting is missing, or is one that this program does not implement.
    /// </exception>
    public static OptConfig Read(ConfigReader config)
    {
        config.RequireAbsentOrEqual("layer_norm_elementwise_affine", true);
        config.RequireAbsentOrEqual("layerdrop", 0.0);
        int hidden = config.Size("hidden_size"), heads = config.Size("num_attention_heads");
        int vocabulary = config.Size("vocab_size");
        int headSize = config.Share("num_attention_heads", hidden, heads);
        bool before = config.Bool("do_layer_norm_before", true);
        return new(
            new(
                "opt", vocabulary, hidden, config.Layers("num_hidden_layers"), heads, heads, headSize,
                config.Size("max_position_embeddings")),
            config.Size("ffn_dim"), config.Size("word_embed_proj_dim", hidden))
        {
            NormBefore = before,
            FinalNorm = before && !config.Bool("_remove_final_layer_norm", false),
            Bias = config.Bool("enable_bias", true),
            Activation = config.Activation("activation_function", "relu"),
            Tied = config.Bool("tie_word_embeddings", true),
            Padding = config.Padding(1, vocabulary),
            Dropout = config.Rate("dropout", 0.1),
            AttentionDropout = config.Rate("attention_dropout", 0),
            Deviation = config.Double("init_std", 0.02),
        };
    }
}

/// <summary>
/// Attention and feed-forward, each added to the stream, with its norm before or after. Source: Hugging Face
/// modeling_opt.py, OPTDecoderLayer.
/// </summary>
internal sealed class OptBlock<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly int _layer;
    private readonly bool _normBefore;
    private readonly Attention<T> _attention;
    private readonly FeedForward<T> _mlp;
    private readonly NormLayer<T> _attentionNorm, _mlpNorm;
    private readonly DropoutLayer<T> _attentionDropout, _mlpDropout;
    private readonly Add<T> _add = new();

    public OptBlock(OptConfig config, int layer, Weights<T> weights)
    {
        var (shape, heads) = (config.Shape, weights.At("self_attn"));
        LinearLayer<T> Layer(Weights<T> place, int inputs, int outputs) =>
            new(place, inputs, outputs, config.Bias, config.Deviation);

        (_layer, _normBefore) = (layer, config.NormBefore);
        LinearLayer<T> Square(string name) => Layer(heads.At(name), shape.Hidden, shape.Hidden);
        var (k, v, q) = (Square("k_proj"), Square("v_proj"), Square("q_proj"));         // in Hugging Face's order
        _attention = new(
            layer, new(shape.Heads, shape.KeyValueHeads, shape.HeadSize), [q, k, v], Square("out_proj"))
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

    public Tensor<T> Forward(
        Pass<T> pass, Tensor<T> x, PackedBatch batch, KeyValueCache<T>? cache, WantedRows<T> rows)
    {
        var normed = _normBefore ? _attentionNorm.Forward(pass, x) : x;
        var attended = _attention.Forward(pass, normed, batch, cache, rows);
        if (_normBefore)
            pass.Tape.Release(normed);
        attended = rows.At(pass, new(_layer, SiteKind.AttentionOutput), attended);         // e_l of the paper
        x = pass.Tape.Apply(_add, [rows.Take(pass, x), _attentionDropout.Forward(pass, attended)]);
        x = _normBefore ? x : _attentionNorm.Forward(pass, x);

        normed = _normBefore ? _mlpNorm.Forward(pass, x) : x;
        var inner = _mlp.Forward(pass, normed);
        if (_normBefore)
            pass.Tape.Release(normed);
        inner = rows.At(pass, new(_layer, SiteKind.MlpOutput), inner);
        x = pass.Tape.Apply(_add, [x, _mlpDropout.Forward(pass, inner)]);
        x = _normBefore ? x : _mlpNorm.Forward(pass, x);
        return rows.At(pass, new(_layer, SiteKind.BlockOutput), x);
    }
}

/// <summary>OPT. Source: Hugging Face modeling_opt.py, OPTForCausalLM; arXiv 2205.01068.</summary>
public sealed class Opt<T> : ILanguageModel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly EmbeddingLayer<T> _tokens, _positions;
    private readonly LinearLayer<T>? _projectIn, _projectOut;
    private readonly NormLayer<T>? _norm;
    private readonly OptBlock<T>[] _blocks;
    private readonly Add<T> _add = new();

    /// <summary>Asks for all weights by their names.</summary>
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
        _blocks =
        [
            .. Enumerable.Range(0, Shape.Layers).Select(i => new OptBlock<T>(config, i, decoder.At("layers").At(i))),
        ];
        Head = weights.Head(_tokens.Table, config.Tied, deviation);
        Parameters = weights.Store.Parameters;
        LinearLayer<T>?[] projections = [_projectOut, _projectIn];
        Linears = [.. projections.OfType<LinearLayer<T>>(), .. _blocks.SelectMany(block => block.Linears)];
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
    public Tensor<T> Forward(Pass<T> pass, PackedBatch batch, KeyValueCache<T>? cache = null, int[]? rows = null)
    {
        var x = _tokens.Forward(pass, batch.Tokens);
        x = _projectIn?.Forward(pass, x) ?? x;
        x = pass.Tape.Apply(_add, [x, _positions.Forward(pass, batch.Positions)]);
        x = pass.Tap.At(new(0, SiteKind.TokenEmbedding), x, pass);
        for (int i = 0; i < _blocks.Length; i++)
        {
            x = pass.Tape.Checkpoint(x);
            x = _blocks[i].Forward(pass, x, batch, cache, new(i == _blocks.Length - 1 ? rows : null, batch.Rows));
        }

        x = _norm?.Forward(pass, x) ?? x;
        return _projectOut?.Forward(pass, x) ?? x;
    }
}
