using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// The settings of GPT-2. Source: Hugging Face configuration_gpt2.py, whose defaults stand where a key is absent.
/// </summary>
public sealed record Gpt2Config(ModelShape Shape, int Inner)
{
    /// <summary>layer_norm_epsilon.</summary>
    public double Epsilon { get; init; }

    /// <summary>activation_function.</summary>
    public required string Activation { get; init; }

    /// <summary>scale_attn_weights: whether scores are divided by sqrt(head size).</summary>
    public bool ScaleScores { get; init; }

    /// <summary>Whether the head is the embedding.</summary>
    public bool Tied { get; init; }

    /// <summary>embd_pdrop, of the embeddings.</summary>
    public double EmbeddingDropout { get; init; }

    /// <summary>resid_pdrop, of what each half of a block adds.</summary>
    public double ResidualDropout { get; init; }

    /// <summary>attn_pdrop, of attention weights.</summary>
    public double AttentionDropout { get; init; }

    /// <summary>initializer_range.</summary>
    public double Deviation { get; init; }

    /// <summary>The deviation of the projections back into the stream: each of 2 n_layer adds to it.</summary>
    public double ResidualDeviation => Deviation / Math.Sqrt(2 * Shape.Layers);

    /// <summary>Reads config.json.</summary>
    /// <exception cref="CheckpointException">
    /// A setting is missing, or is one that this program does not implement.
    /// </exception>
    public static Gpt2Config Read(ConfigReader config)
    {
        config.RequireAbsentOrEqual("scale_attn_by_inverse_layer_idx", false);
        config.RequireAbsentOrEqual("reorder_and_upcast_attn", false);
        int hidden = config.Size("n_embd"), heads = config.Size("n_head");
        int headSize = config.Share("n_head", hidden, heads);
        return new(
            new(
                "gpt2", config.Size("vocab_size"), hidden, config.Layers("n_layer"), heads, heads, headSize,
                config.Size("n_positions")),
            config.Size("n_inner", 4 * hidden))
        {
            Epsilon = config.Positive("layer_norm_epsilon", 1e-5),
            Activation = config.Activation("activation_function", "gelu_new"),
            ScaleScores = config.Bool("scale_attn_weights", true),
            Tied = config.Bool("tie_word_embeddings", true),
            EmbeddingDropout = config.Rate("embd_pdrop", 0.1),
            ResidualDropout = config.Rate("resid_pdrop", 0.1),
            AttentionDropout = config.Rate("attn_pdrop", 0.1),
            Deviation = config.Double("initializer_range", 0.02),
        };
    }
}

/// <summary>x + attention(norm(x)), then x + mlp(norm(x)). Source: Hugging Face modeling_gpt2.py, GPT2Block.</summary>
internal sealed class Gpt2Block<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly int _layer;
    private readonly Attention<T> _attention;
    private readonly FeedForward<T> _mlp;
    private readonly NormLayer<T> _attentionNorm, _mlpNorm;
    private readonly DropoutLayer<T> _attentionDropout, _mlpDropout;
    private readonly Add<T> _add = new();

    public Gpt2Block(Gpt2Config config, int layer, Weights<T> weights)
    {
        var (shape, attention, mlp) = (config.Shape, weights.At("attn"), weights.At("mlp"));
        LinearLayer<T> Conv1D(Weights<T> place, int inputs, int outputs, double deviation) =>
            new(place, inputs, outputs, bias: true, deviation, WeightLayout.InOut);

        _layer = layer;
        _attentionNorm = NormLayer<T>.Layer(weights.At("ln_1"), shape.Hidden, config.Epsilon);
        _attention = new(
            layer, new(shape.Heads, shape.KeyValueHeads, shape.HeadSize, config.ScaleScores ? null : 1),
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

    // Unlike in Llama and OPT, the dropout belongs to GPT-2's attention module: the released hook, and so the site,
    // comes after it.
    public Tensor<T> Forward(
        Pass<T> pass, Tensor<T> x, PackedBatch batch, KeyValueCache<T>? cache, WantedRows<T> rows)
    {
        var normed = _attentionNorm.Forward(pass, x);
        var attended = _attention.Forward(pass, normed, batch, cache, rows);
        pass.Tape.Release(normed);
        attended = _attentionDropout.Forward(pass, attended);          // e_l of the paper
        x = rows.Residual(pass, _add, rows.Take(pass, x), new(_layer, SiteKind.AttentionOutput), attended);
        normed = _mlpNorm.Forward(pass, x);
        var inner = _mlpDropout.Forward(pass, _mlp.Forward(pass, normed));
        pass.Tape.Release(normed);
        x = rows.Residual(pass, _add, x, new(_layer, SiteKind.MlpOutput), inner);
        return rows.At(pass, new(_layer, SiteKind.BlockOutput), x);
    }
}

/// <summary>GPT-2. Source: Hugging Face modeling_gpt2.py, GPT2LMHeadModel.</summary>
public sealed class Gpt2<T> : ILanguageModel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly EmbeddingLayer<T> _tokens, _positions;
    private readonly DropoutLayer<T> _dropout;
    private readonly Gpt2Block<T>[] _blocks;
    private readonly NormLayer<T> _norm;
    private readonly Add<T> _add = new();

    /// <summary>Asks for all weights by their names.</summary>
    public Gpt2(Gpt2Config config, Weights<T> weights)
    {
        Shape = config.Shape;
        var transformer = weights.At("transformer");
        _tokens = new(transformer.At("wte"), Shape.Vocabulary, Shape.Hidden, config.Deviation);
        _positions = new(transformer.At("wpe"), Shape.Context, Shape.Hidden, config.Deviation);
        _dropout = new("transformer.drop", config.EmbeddingDropout);
        _blocks =
        [
            .. Enumerable.Range(0, Shape.Layers).Select(i => new Gpt2Block<T>(config, i, transformer.At("h").At(i))),
        ];
        _norm = NormLayer<T>.Layer(transformer.At("ln_f"), Shape.Hidden, config.Epsilon);
        Head = weights.Head(_tokens.Table, config.Tied, config.Deviation);
        Parameters = weights.Store.Parameters;
        Linears = [.. _blocks.SelectMany(block => block.Linears)];
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
        var x = pass.Tape.Apply(_add, [_tokens.Forward(pass, batch.Tokens), _positions.Forward(pass, batch.Positions)]);
        x = pass.Tap.At(new(0, SiteKind.TokenEmbedding), _dropout.Forward(pass, x), pass);
        for (int i = 0; i < _blocks.Length; i++)
        {
            x = pass.Tape.Checkpoint(x);
            x = _blocks[i].Forward(pass, x, batch, cache, new(i == _blocks.Length - 1 ? rows : null, batch.Rows));
        }

        return _norm.Forward(pass, x);
    }
}
