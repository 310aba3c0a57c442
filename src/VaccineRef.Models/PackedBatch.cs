using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// One tokenised example. Labels stand under their own token, as in Hugging Face; -100 counts for nothing.
/// </summary>
/// <param name="Tokens">Token ids.</param>
/// <param name="Labels">Token ids to be predicted, or -100; as many as tokens.</param>
/// <param name="Id">Names the example in errors and manifests.</param>
public sealed record TokenSequence(int[] Tokens, int[] Labels, string Id = "");

/// <summary>
/// A batch as packed rows: the real tokens of all sequences end to end, no padding. Right-padding carries zero gradient
/// under a causal mask, so losses, perturbations and gradients equal those of the padded batch.
/// </summary>
public sealed class PackedBatch
{
    /// <summary>The label that is not counted.</summary>
    public const int Ignored = CrossEntropy<float>.Ignored;

    private PackedBatch(IReadOnlyList<TokenSequence> sequences)
    {
        Ids = [.. sequences.Select(sequence => sequence.Id)];
        Offsets = new int[sequences.Count + 1];
        for (int i = 0; i < sequences.Count; i++)
            Offsets[i + 1] = Offsets[i] + sequences[i].Tokens.Length;
        Tokens = new int[Offsets[^1]];
        Positions = new int[Tokens.Length];
        Targets = new int[Tokens.Length];
    }

    /// <summary>Token ids, (N).</summary>
    public int[] Tokens { get; }

    /// <summary>Each token's place in its own sequence, (N).</summary>
    public int[] Positions { get; }

    /// <summary>The label of the next token: what row t must predict. -100 at each sequence's last row, (N).</summary>
    public int[] Targets { get; }

    /// <summary>Sequence s holds rows Offsets[s] to Offsets[s + 1]; one more entry than sequences.</summary>
    public int[] Offsets { get; }

    /// <summary>The sequences' names.</summary>
    public string[] Ids { get; }

    /// <summary>Number of rows, N.</summary>
    public int Rows => Tokens.Length;

    /// <summary>Number of sequences.</summary>
    public int Sequences => Offsets.Length - 1;

    /// <summary>The rows whose target is counted, M of them.</summary>
    public int[] CountedRows { get; private set; } = [];

    /// <summary>Their targets, (M).</summary>
    public int[] CountedTargets { get; private set; } = [];

    /// <summary>Number of counted targets, M.</summary>
    public int Counted => CountedRows.Length;

    /// <summary>Packs training examples.</summary>
    /// <exception cref="InputException">A sequence is empty, or its labels are not as many as its tokens.</exception>
    public static PackedBatch Pack(IReadOnlyList<TokenSequence> sequences)
    {
        foreach (var sequence in sequences)
            if (sequence.Tokens.Length == 0 || sequence.Labels.Length != sequence.Tokens.Length)
                throw new InputException(
                    "a sequence cannot be packed", sequence.Id,
                    $"{sequence.Tokens.Length} tokens, {sequence.Labels.Length} labels", "at least one token, and one label each");
        var batch = new PackedBatch(sequences);
        for (int i = 0; i < sequences.Count; i++)
            batch.Fill(i, sequences[i].Tokens, sequences[i].Labels, start: 0);
        batch.CountedRows = [.. Enumerable.Range(0, batch.Rows).Where(row => batch.Targets[row] != Ignored)];
        batch.CountedTargets = [.. batch.CountedRows.Select(row => batch.Targets[row])];
        return batch;
    }

    /// <summary>
    /// Packs tokens without labels; sequence s goes on at position <paramref name="starts"/>[s] (generation with a
    /// cache).
    /// </summary>
    public static PackedBatch Pack(IReadOnlyList<int[]> tokens, IReadOnlyList<int>? starts = null)
    {
        var batch = new PackedBatch([.. tokens.Select(ids => new TokenSequence(ids, []))]);
        for (int i = 0; i < tokens.Count; i++)
            batch.Fill(i, tokens[i], [], starts is null ? 0 : starts[i]);
        return batch;
    }

    private void Fill(int sequence, int[] tokens, int[] labels, int start)
    {
        int first = Offsets[sequence];
        tokens.CopyTo(Tokens, first);
        for (int t = 0; t < tokens.Length; t++)
        {
            Positions[first + t] = start + t;
            Targets[first + t] = t + 1 < labels.Length ? labels[t + 1] : Ignored;
        }
    }
}
