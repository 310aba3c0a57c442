using System.Text;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Bench;

/// <summary>A Llama and a batch for it: what one step of training is measured on.</summary>
/// <param name="Name">Its name on the command line and in tables.</param>
/// <param name="Vocabulary">V.</param>
/// <param name="Hidden">C.</param>
/// <param name="Layers">Blocks.</param>
/// <param name="Heads">Attention heads, as many for keys and values.</param>
/// <param name="FeedForward">F.</param>
/// <param name="Sequences">Sequences in the batch.</param>
/// <param name="Length">Tokens of each; the first half is prompt and not counted.</param>
/// <param name="Rank">Of LoRA on all seven projections, alpha twice that; 0 trains every weight.</param>
public sealed record StepShape(
    string Name, int Vocabulary, int Hidden, int Layers, int Heads, int FeedForward, int Sequences, int Length,
    int Rank) : IWork
{
    /// <summary>The small one, all weights; the paper's setting in small, LoRA; and the demo's model.</summary>
    public static readonly StepShape
        S = new("S", 4096, 384, 6, 6, 1024, Sequences: 8, Length: 256, Rank: 0),
        P = new("P", 32000, 768, 12, 12, 2048, Sequences: 5, Length: 200, Rank: 8),
        Demo = new("demo", 234, 64, 4, 4, 176, Sequences: 16, Length: 26, Rank: 0),
        Warmup = new("warm-up", 64, 32, 2, 2, 64, Sequences: 2, Length: 32, Rank: 0);

    /// <summary>
    /// Llama 2 7B in the paper's setting, weights in bfloat16; and two blocks of it, which a small machine can hold.
    /// </summary>
    public static readonly StepShape
        Llama7B =
            new("7B", 32000, 4096, 32, 32, 11008, Sequences: 5, Length: 200, Rank: 8) { Kept = WeightPrecision.Bf16 },
        Slice = Llama7B with { Name = "7B, 2 of 32 layers", Layers = 2 };

    /// <summary>All that are small enough to be timed.</summary>
    public static readonly IReadOnlyList<StepShape> Known = [S, P, Demo];

    /// <summary>How the weights of linear layers are kept.</summary>
    public WeightPrecision Kept { get; init; }

    /// <summary>Rows of the batch, N.</summary>
    public int Rows => Sequences * Length;

    /// <summary>The configuration in Hugging Face's words.</summary>
    public ConfigReader Config() => ConfigReader.Parse(Encoding.UTF8.GetBytes(
        $$"""
        {
          "model_type": "llama", "vocab_size": {{Vocabulary}}, "hidden_size": {{Hidden}}, "intermediate_size": {{FeedForward}},
          "num_hidden_layers": {{Layers}}, "num_attention_heads": {{Heads}}, "max_position_embeddings": {{Length}},
          "rms_norm_eps": 1e-5, "tie_word_embeddings": false
        }
        """), $"shape {Name}");

    /// <summary>Random tokens, the second half of each sequence counted: the batch of <c>vaccine bench</c>.</summary>
    public PackedBatch Batch() => PackedBatch.Pack(Data());

    /// <summary>The sequences of <see cref="Batch"/>.</summary>
    public IReadOnlyList<TokenSequence> Data()
    {
        var random = RandomStream.FromSeed(4);
        return [.. Enumerable.Range(0, Sequences).Select(sequence =>
        {
            int[] tokens = [.. Enumerable.Range(0, Length)
                .Select(t => random.Below(Vocabulary, (sequence * Length) + t))];
            return new TokenSequence(
                tokens, [.. tokens.Select((token, t) => t < Length / 2 ? PackedBatch.Ignored : token)]);
        })];
    }

    /// <inheritdoc/>
    public Work Of(string method) => new(Rows, Unit.Token);

    /// <inheritdoc/>
    public override string ToString() => Name;
}
