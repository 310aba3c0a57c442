using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// The settings of Llama 1 to 3, Vicuna, Mistral and Qwen2. Source: Hugging Face configuration_llama.py,
/// configuration_mistral.py and configuration_qwen2.py, whose defaults stand where a key is absent.
/// </summary>
public sealed record LlamaConfig(ModelShape Shape, int Inner)
{
    /// <summary>rms_norm_eps.</summary>
    public required double Epsilon { get; init; }

    /// <summary>Radians per position of each pair of columns of a head.</summary>
    public required double[] Frequencies { get; init; }

    /// <summary>What scores of attention are multiplied with; null for 1 / sqrt(head size).</summary>
    public double? ScoreScale { get; init; }

    /// <summary>How many keys a query of each layer sees; null for all.</summary>
    public required int?[] Windows { get; init; }

    /// <summary>Whether q, k and v have biases.</summary>
    public bool ProjectionBias { get; init; }

    /// <summary>Whether the output projection of attention has one.</summary>
    public bool OutputBias { get; init; }

    /// <summary>Whether the feed-forward layers have them.</summary>
    public bool MlpBias { get; init; }

    /// <summary>Whether the head is the embedding.</summary>
    public bool Tied { get; init; }

    /// <summary>The row of the embedding without gradient; -1 for none.</summary>
    public int Padding { get; init; }

    /// <summary>attention_dropout.</summary>
    public double AttentionDropout { get; init; }

    /// <summary>initializer_range.</summary>
    public double Deviation { get; init; }

    /// <summary>Reads config.json.</summary>
    /// <exception cref="CheckpointException">
    /// A setting is missing, or is one that this program does not implement.
    /// </exception>
    public static LlamaConfig Read(ConfigReader config, string family)
    {
        config.RequireAbsentOrEqual("hidden_act", "silu");
        _ = config.Size("pretraining_tp", 1);               // how products were once cut: the same mathematics
        int hidden = config.Size("hidden_size"), heads = config.Size("num_attention_heads");
        // Absent is the family's default; null is as many as there are heads.
        int groups = config.Size(
            "num_key_value_heads",
            config.Keys.Contains("num_key_value_heads") ? heads
                : family switch { "mistral" => 8, "qwen2" => 32, _ => heads });
        config.Share("num_key_value_heads", heads, groups);
        int headSize = config.Has("head_dim")
            ? config.Size("head_dim")
            : config.Share("num_attention_heads", hidden, heads);
        int vocabulary = config.Size("vocab_size"), layers = config.Layers("num_hidden_layers");
        int context = config.Size(
            "max_position_embeddings", family switch { "mistral" => 131072, "qwen2" => 32768, _ => 2048 });
        bool bias = family == "llama" && config.Bool("attention_bias", false);
        var rotary = RotarySettings.Read(config, headSize, context);
        var shape = new ModelShape(family, vocabulary, hidden, layers, heads, groups, headSize, rotary.Context);
        return new(shape, config.Size("intermediate_size"))
        {
            Epsilon = config.Positive("rms_norm_eps", 1e-6),
            Frequencies = rotary.Frequencies,
            ScoreScale = rotary.ScoreScale,
            Windows = [.. Enumerable.Range(0, layers).Select(layer => Window(config, family, layer))],
            ProjectionBias = bias || family == "qwen2",
            OutputBias = bias,
            MlpBias = family == "llama" && config.Bool("mlp_bias", false),
            Tied = config.Bool("tie_word_embeddings", false),
            Padding = config.Padding(null, vocabulary),
            AttentionDropout = config.Rate("attention_dropout", 0),
            Deviation = config.Double("initializer_range", 0.02),
        };
    }

    // Mistral slides in every layer, Qwen2 in those from max_window_layers on if asked to; layer_types, where there,
    // says it outright.
    private static int? Window(ConfigReader config, string family, int layer)
    {
        const string Key = "sliding_window", Types = "layer_types";
        if (family == "llama" || (family == "qwen2" && !config.Bool("use_sliding_window", false)))
            return null;
        int? window = config.Has(Key) ? config.Size(Key) : config.Keys.Contains(Key) ? null : 4096;     // null is said
        if (!config.Has(Types))
            return family == "mistral" || layer >= config.Int("max_window_layers", 28) ? window : null;
        var types = config.Strings(Types);
        return layer >= types.Length ? throw config.Unsupported(Types, "one for each layer") : types[layer] switch
        {
            "sliding_attention" => window,
            "full_attention" => null,
            _ => throw config.Unsupported(Types, "full_attention or sliding_attention"),
        };
    }
}

/// <summary>
/// x + attention(norm(x)), then x + mlp(norm(x)). Source: Hugging Face modeling_llama.py, LlamaDecoderLayer.
/// </summary>
internal sealed class LlamaBlock<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly int _layer;
    private readonly Attention<T> _attention;
    private readonly FeedForward<T> _mlp;
    private readonly NormLayer<T> _attentionNorm, _mlpNorm;
    private readonly Add<T> _add = new();

    public LlamaBlock(LlamaConfig config, int layer, Rope<T> rope, Weights<T> weights)
    {
        var (shape, heads, mlp) = (config.Shape, weights.At("self_attn"), weights.At("mlp"));
        int queries = shape.Heads * shape.HeadSize, keys = shape.KeyValueHeads * shape.HeadSize;
        LinearLayer<T> Layer(Weights<T> place, int inputs, int outputs, bool bias) =>
            new(place, inputs, outputs, bias, config.Deviation);

        _layer = layer;
        _attention = new(
            layer, new(shape.Heads, shape.KeyValueHeads, shape.HeadSize, config.ScoreScale, config.Windows[layer]),
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

    public Tensor<T> Forward(
        Pass<T> pass, Tensor<T> x, PackedBatch batch, KeyValueCache<T>? cache, WantedRows<T> rows)
    {
        var tape = pass.Tape;
        var normed = _attentionNorm.Forward(pass, x);
        var attended = _attention.Forward(pass, normed, batch, cache, rows);                // e_l of the paper
        tape.Release(normed);
        x = rows.Residual(pass, _add, rows.Take(pass, x), new(_layer, SiteKind.AttentionOutput), attended);
        normed = _mlpNorm.Forward(pass, x);
        var inner = _mlp.Forward(pass, normed);
        tape.Release(normed);
        x = rows.Residual(pass, _add, x, new(_layer, SiteKind.MlpOutput), inner);
        return rows.At(pass, new(_layer, SiteKind.BlockOutput), x);
    }
}

/// <summary>Llama up to its last norm, without a head. Source: Hugging Face modeling_llama.py, LlamaModel.</summary>
internal sealed class LlamaModel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly EmbeddingLayer<T> _tokens;
    private readonly LlamaBlock<T>[] _blocks;
    private readonly NormLayer<T> _norm;

    public LlamaModel(LlamaConfig config, Weights<T> weights)
    {
        var (shape, rope) = (config.Shape, new Rope<T>(config.Shape.HeadSize, config.Frequencies));
        _tokens = new(
            weights.At("embed_tokens"), shape.Vocabulary, shape.Hidden, config.Deviation, paddingId: config.Padding);
        _blocks =
        [
            .. Enumerable.Range(0, shape.Layers).Select(i =>
                new LlamaBlock<T>(config, i, rope, weights.At("layers").At(i))),
        ];
        _norm = NormLayer<T>.Rms(weights.At("norm"), shape.Hidden, config.Epsilon);
    }

    public Parameter<T> Embedding => _tokens.Table;

    public IEnumerable<LinearLayer<T>> Linears => _blocks.SelectMany(block => block.Linears);

    public Tensor<T> Forward(Pass<T> pass, PackedBatch batch, KeyValueCache<T>? cache, int[]? rows)
    {
        var x = pass.Tap.At(new(0, SiteKind.TokenEmbedding), _tokens.Forward(pass, batch.Tokens), pass);
        for (int i = 0; i < _blocks.Length; i++)
        {
            x = pass.Tape.Checkpoint(x);
            x = _blocks[i].Forward(pass, x, batch, cache, new(i == _blocks.Length - 1 ? rows : null, batch.Rows));
        }

        return _norm.Forward(pass, x);
    }
}

/// <summary>Llama and its kin. Source: Hugging Face modeling_llama.py, LlamaForCausalLM.</summary>
public sealed class Llama<T> : ILanguageModel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly LlamaModel<T> _model;

    /// <summary>Asks for all weights by their names.</summary>
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
    public Tensor<T> Forward(Pass<T> pass, PackedBatch batch, KeyValueCache<T>? cache = null, int[]? rows = null) =>
        _model.Forward(pass, batch, cache, rows);
}
