using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// One tokenised example. As in Hugging Face, each token has its own label, and the label -100 is not counted.
/// </summary>
/// <param name="Tokens">The token ids.</param>
/// <param name="Labels">For each token its id if it has to be predicted, otherwise -100.</param>
/// <param name="Id">A name for the example in messages and manifests.</param>
public sealed record TokenSequence(int[] Tokens, int[] Labels, string Id = "");

/// <summary>
/// A batch of sequences, packed end to end without padding. Under a causal mask, padding on the right has gradient
/// zero, so that losses, perturbations and gradients are those of the padded batch.
/// </summary>
public sealed class PackedBatch
{
    /// <summary>The label of a token that is not counted.</summary>
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

    /// <summary>The token ids, (N).</summary>
    public int[] Tokens { get; }

    /// <summary>The position of each token in its own sequence, (N).</summary>
    public int[] Positions { get; }

    /// <summary>
    /// What each row must predict: the label of the next token, (N). The last row of a sequence has -100.
    /// </summary>
    public int[] Targets { get; }

    /// <summary>
    /// Where the sequences begin: sequence s has the rows from Offsets[s] up to, but not including, Offsets[s + 1].
    /// </summary>
    public int[] Offsets { get; }

    /// <summary>The names of the sequences.</summary>
    public string[] Ids { get; }

    /// <summary>Number of rows, N.</summary>
    public int Rows => Tokens.Length;

    /// <summary>Number of sequences.</summary>
    public int Sequences => Offsets.Length - 1;

    /// <summary>The rows whose target is counted, M of them.</summary>
    public int[] CountedRows { get; private set; } = [];

    /// <summary>The targets of <see cref="CountedRows"/>, (M).</summary>
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
                    $"{sequence.Tokens.Length} tokens, {sequence.Labels.Length} labels",
                    "at least one token, and one label each");
        var batch = new PackedBatch(sequences);
        for (int i = 0; i < sequences.Count; i++)
            batch.Fill(i, sequences[i].Tokens, sequences[i].Labels, start: 0);
        batch.CountedRows = [.. Enumerable.Range(0, batch.Rows).Where(row => batch.Targets[row] != Ignored)];
        batch.CountedTargets = [.. batch.CountedRows.Select(row => batch.Targets[row])];
        return batch;
    }

    /// <summary>
    /// Packs tokens without labels. In generation with a cache, sequence s continues at position
    /// <paramref name="starts"/>[s].
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
