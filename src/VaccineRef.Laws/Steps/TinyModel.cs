using System.Text;
using FsCheck;
using FsCheck.Fluent;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Laws;

/// <summary>A family of models, each with something of its own: grouped queries, biases, a fused projection.</summary>
public enum Family
{
    /// <summary>Grouped queries, rotary positions, RMSNorm.</summary>
    Llama,

    /// <summary>Biases, learned positions, LayerNorm.</summary>
    Opt,

    /// <summary>A fused projection, weights stored in x out.</summary>
    Gpt2,
}

/// <summary>Tokens of up to three sequences; 0 where there is none.</summary>
public readonly record struct Lengths(int First, int Second, int Third)
{
    /// <summary>Those that are there.</summary>
    public int[] All => [.. new[] { First, Second, Third }.Where(length => length > 0)];
}

/// <summary>
/// A model small enough to be proved on, and a batch for it. FsCheck draws and shrinks the extents; every number
/// follows from the seed.
/// </summary>
public sealed record TinyModel(
    Family Family, bool Adapted, int Layers, int KeyValueHeads, int Group, int HeadSize, int Vocabulary,
    Lengths Lengths, int Seed)
{
    /// <summary>The share of the adapter's inputs that training drops.</summary>
    public double Dropout { get; init; }

    /// <summary>What makes the trial, on one line of FsCheck's report.</summary>
    public override string ToString() =>
        $"{Family}, adapted {Adapted}, layers {Layers}, key heads {KeyValueHeads} x {Group}, head size {HeadSize}, "
        + $"vocabulary {Vocabulary}, lengths [{string.Join(", ", Lengths.All)}], dropout {Dropout}, seed {Seed}";

    /// <summary>The stream of this trial's numbers.</summary>
    public RandomStream Random => RandomStream.FromSeed((ulong)Seed);

    private int Heads => KeyValueHeads * Group;

    // Llama's hidden size need not be that of its heads: what is confused would not fit.
    /// <summary>C.</summary>
    public int Hidden => Family == Family.Llama ? 10 : Heads * HeadSize;

    /// <summary>config.json. GELU for OPT's ReLU: a finite difference must not run over a kink.</summary>
    public ConfigReader Config => ConfigReader.Parse(Encoding.UTF8.GetBytes(Family switch
    {
        Family.Llama => $$"""
            { "model_type": "llama", "hidden_size": {{Hidden}}, "num_hidden_layers": {{Layers}}, "num_attention_heads": {{Heads}},
              "num_key_value_heads": {{KeyValueHeads}}, "head_dim": {{HeadSize}}, "vocab_size": {{Vocabulary}},
              "intermediate_size": 12, "initializer_range": 0.3 }
            """,
        Family.Opt => $$"""
            { "model_type": "opt", "hidden_size": {{Hidden}}, "num_hidden_layers": {{Layers}}, "num_attention_heads": {{Heads}},
              "vocab_size": {{Vocabulary}}, "ffn_dim": 12, "max_position_embeddings": 128, "dropout": 0.0, "init_std": 0.3,
              "activation_function": "gelu" }
            """,
        _ => $$"""
            { "model_type": "gpt2", "n_embd": {{Hidden}}, "n_layer": {{Layers}}, "n_head": {{Heads}}, "vocab_size": {{Vocabulary}},
              "n_positions": 128, "n_inner": 12, "attn_pdrop": 0.0, "resid_pdrop": 0.0, "embd_pdrop": 0.0,
              "initializer_range": 0.3 }
            """,
    }));

    /// <summary>The adapter, on projections with and without grouped queries.</summary>
    public AdapterConfig Adapter => new(2, 3, TargetModules.AllLinear) { Dropout = Dropout };

    /// <summary>
    /// Tokens from 2 on, so that none is OPT's padding id, whose row takes no gradient; labels over the whole
    /// vocabulary, a third of them -100. The first sequence's last label always counts.
    /// </summary>
    public IReadOnlyList<TokenSequence> Sequences =>
        [.. Lengths.All.Select((length, i) => Sequence(length, i, Random.At("sequence").At(i)))];

    /// <summary>Other sequences of the same lengths, for a stream of this name.</summary>
    public IReadOnlyList<TokenSequence> Other(string name) =>
        [.. Lengths.All.Select((length, i) => Sequence(length, i, Random.At(name).At(i)))];

    private TokenSequence Sequence(int length, int number, RandomStream random)
    {
        int[] tokens = [.. Enumerable.Range(0, length).Select(t => 2 + random.Below(Vocabulary - 2, t))];
        int[] labels =
        [
            .. Enumerable.Range(length, length).Select(t =>
                random.At("mask").Below(3, t) > 0 ? random.Below(Vocabulary, t) : PackedBatch.Ignored),
        ];
        if (number == 0)
            labels[^1] = random.Below(Vocabulary, 2 * length);
        return new(tokens, labels, $"sequence {number}");
    }
}

/// <summary>How FsCheck draws and shrinks <see cref="TinyModel"/>.</summary>
public static class TinyModelArbitrary
{
    /// <summary>All families, with one to three layers and sequences.</summary>
    public static Arbitrary<TinyModel> TinyModel() => Arb.From(Generator, Shrink);

    private static Gen<TinyModel> Generator =>
        from family in Gen.Elements(Family.Llama, Family.Opt, Family.Gpt2)
        from adapted in Gen.Elements(false, true)
        from layers in Gen.Choose(1, 3)
        from keyValueHeads in Gen.Choose(1, 2)
        from heads in Gen.Choose(1, 2)
        from headSize in Gen.Elements(4, 6)
        from vocabulary in Gen.Choose(11, 23)
        from first in Gen.Choose(2, 7)
        from second in Gen.Choose(1, 7)
        from third in Gen.Choose(1, 7)
        from seed in Gen.Choose(0, int.MaxValue)
        let lengths = new Lengths(first, second == 1 ? 0 : second, third == 1 ? 0 : third)
        select new TinyModel(family, adapted, layers, keyValueHeads, heads, headSize, vocabulary, lengths, seed);

    private static IEnumerable<TinyModel> Shrink(TinyModel model)
    {
        var lengths = model.Lengths;
        if (model.Adapted)
            yield return model with { Adapted = false };
        if (model.Layers > 1)
            yield return model with { Layers = model.Layers - 1 };
        if (model.KeyValueHeads > 1)
            yield return model with { KeyValueHeads = 1 };
        if (model.Group > 1)
            yield return model with { Group = 1 };
        if (lengths.Third > 0)
            yield return model with { Lengths = lengths with { Third = 0 } };
        if (lengths.Second > 0)
            yield return model with { Lengths = lengths with { Second = 0 } };
        if (lengths.First > 2)
            yield return model with { Lengths = lengths with { First = lengths.First - 1 } };
    }
}
